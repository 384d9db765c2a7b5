#version 330
in vec3 in_pos;
in vec3 in_nrm;
in vec3 in_loc;
in vec3 in_col;
in vec2 in_tag;   // material, ident
in vec4 in_state; // mud, dust, wet, ambient
uniform mat4 view_projection;
uniform float sway;
out vec3 pos;
out vec3 nrm;
out vec3 loc;
out vec3 col;
out vec4 state;
flat out int material;

void main() {
    vec3 p = in_pos;
    material = int(in_tag.x + 0.5);
    if (material == 17) p.xy += 0.06 * vec2(sin(sway + p.z * 2.0 + p.x), cos(sway * 1.3 + p.z * 1.7 + p.y));
    pos = p;
    nrm = in_nrm;
    loc = in_loc;
    col = in_col;
    state = in_state;
    gl_Position = view_projection * vec4(p, 1.0);
}
