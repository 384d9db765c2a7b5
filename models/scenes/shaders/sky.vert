#version 330
in vec2 in_corner;
uniform mat4 inverse_view_projection;
out vec3 ray;

void main() {
    vec4 far = inverse_view_projection * vec4(in_corner, 1.0, 1.0);
    vec4 near = inverse_view_projection * vec4(in_corner, -1.0, 1.0);
    ray = far.xyz / far.w - near.xyz / near.w;
    gl_Position = vec4(in_corner, 0.999999, 1.0);
}
