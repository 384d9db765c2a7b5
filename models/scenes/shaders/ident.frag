#version 330
flat in float ident;
out float value;

void main() { value = ident; }
