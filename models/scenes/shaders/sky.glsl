uniform vec3 sky_zenith;
uniform vec3 sky_horizon;
uniform vec3 ground_bounce;
uniform vec3 sun_direction;
uniform vec3 sun_colour;
uniform float cloud;
uniform sampler3D noise;

vec3 sky(vec3 d) {
    vec3 c = mix(sky_horizon, sky_zenith, pow(clamp(d.z, 0.0, 1.0), 0.55));
    vec2 p = d.xy / (abs(d.z) + 0.12);
    float n = texture(noise, vec3(p * 0.035, 0.3)).r * 0.65 + texture(noise, vec3(p * 0.12, 0.7)).g * 0.35;
    c = mix(c, sky_horizon * 1.25, cloud * smoothstep(0.42, 0.75, n) * smoothstep(0.0, 0.2, d.z));
    c += sun_colour * 0.08 * pow(max(dot(d, sun_direction), 0.0), 60.0);
    return mix(ground_bounce, c, smoothstep(-0.04, 0.02, d.z));
}
