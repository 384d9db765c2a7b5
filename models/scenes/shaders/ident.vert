#version 330
in vec3 in_pos;
in vec2 in_tag;
uniform mat4 view_projection;
flat out float ident;

void main() {
    ident = in_tag.y;
    gl_Position = view_projection * vec4(in_pos, 1.0);
}
