#version 330
//include sky.glsl
in vec3 ray;
out vec4 colour;

void main() { colour = vec4(sky(normalize(ray)), 0.0); }
