#version 330
//include sky.glsl
// Mesa's llvmpipe runs both sides of an `if`, but leaves a loop that no pixel of a block takes.
#define WHEN(condition) for (int once = (condition) ? 1 : 0; once > 0; --once)
const int LIGHTS = 12;
const int CARS = 10;
in vec3 pos;
in vec3 nrm;
in vec3 loc;
in vec3 col;
in vec4 state;
flat in int material;
out vec4 colour;
uniform vec3 eye;
uniform mat4 shadow_matrix;
uniform sampler2D shadow_map;
uniform float shadow_soft;
uniform vec3 mud_colour;
uniform vec3 dust_colour;
uniform float mud_wet;
uniform float ground_wet;
uniform float ground_dirt;
uniform vec3 fog_colour;
uniform float fog_density;
uniform int light_count;
uniform vec4 light_pos[LIGHTS];    // w: reach
uniform vec4 light_dir[LIGHTS];    // w: cosine of the half cone, -2 for a point
uniform vec3 light_col[LIGHTS];
uniform int car_count;
uniform vec4 car_box[CARS];        // x, y, half length, half width
uniform vec4 car_turn[CARS];       // cos, sin, height, 0

float hash(ivec3 c) {
    uint h = uint(c.x) * 73856093u ^ uint(c.y) * 19349663u ^ uint(c.z) * 83492791u;
    h = (h ^ (h >> 13)) * 1274126177u;
    return float((h ^ (h >> 16)) & 0xffffu) * (1.0 / 65535.0);
}
// Value noise in 0..1 on the unit lattice.
float grain(vec3 p) {
    vec3 cell = floor(p);
    ivec3 c = ivec3(cell);
    vec3 t = p - cell;
    t = t * t * (3.0 - 2.0 * t);
    const ivec2 o = ivec2(0, 1);
    vec4 a = vec4(hash(c + o.xxx), hash(c + o.xyx), hash(c + o.xxy), hash(c + o.xyy));
    vec4 b = vec4(hash(c + o.yxx), hash(c + o.yyx), hash(c + o.yxy), hash(c + o.yyy));
    vec4 x = mix(a, b, t.x);
    vec2 y = mix(x.xz, x.yw, t.y);
    return mix(y.x, y.y, t.z);
}
vec4 noise3(vec3 p) { return vec4(grain(p), grain(p + 17.3), grain(p + 31.7), grain(p + 51.1)); }
float fbm(vec3 p) {
    return noise3(p).r * 0.5 + noise3(p * 2.13 + 7.1).g * 0.27 + noise3(p * 4.7 + 3.3).b * 0.15 + noise3(p * 9.9).a * 0.08;
}
float line(float v, float at, float width) { return 1.0 - smoothstep(width, width * 1.6, abs(v - at)); }

float shadow(vec3 p, vec3 n) {
    vec4 q = shadow_matrix * vec4(p + n * 0.05, 1.0);
    vec3 s = q.xyz * 0.5 + 0.5;
    if (any(lessThan(s.xy, vec2(0.0))) || any(greaterThan(s.xy, vec2(1.0)))) return 1.0;
    float total = 0.0;
    for (int i = 0; i < 4; i++) {
        vec2 o = vec2(i & 1, i >> 1) - 0.5;
        total += step(s.z - 0.0012, texture(shadow_map, s.xy + o * shadow_soft).r);
    }
    return total * 0.25;
}

float under_cars(vec3 p) {
    float dark = 1.0;
    for (int i = 0; i < car_count; i++) {
        vec2 d = p.xy - car_box[i].xy;
        vec2 q = abs(vec2(dot(d, car_turn[i].xy), dot(d, vec2(-car_turn[i].y, car_turn[i].x)))) - car_box[i].zw;
        float outside = length(max(q, 0.0)) + min(max(q.x, q.y), 0.0);
        dark *= mix(0.22, 1.0, smoothstep(-0.7, 0.9, outside + max(p.z, 0.0) * 0.6));
    }
    return dark;
}

void main() {
    vec3 n = normalize(nrm);
    vec3 v = eye - pos;
    float distance_to_eye = length(v);
    v /= distance_to_eye;
    if (dot(n, v) < 0.0) n = -n;
    vec3 base = col;
    float gloss = 0.15, mirror = 0.04, emit = 0.0, bump = 0.0;
    vec3 p = loc;
    float f = fbm(p * 3.0);
    float grime = fbm(p * 1.1 + 11.0);
    bool ground = false;

    WHEN(material == 0) {
        gloss = 0.65; mirror = 0.05;
        float streak = grain(vec3(p.xy * 11.0, p.z * 0.9));
        base *= 0.78 + 0.3 * grime + 0.12 * streak;
        base = mix(base, dust_colour * 0.6, clamp(0.35 * grime * streak + 0.3 * grime * smoothstep(1.6, 0.5, p.z), 0.0, 0.6));
    }
    WHEN(material == 1) {
        gloss = 0.95; mirror = 0.14 + base.r;
        base = vec3(0.008) + vec3(0.03, 0.029, 0.028) * grain(p * vec3(2.0, 2.6, 3.4) + 4.0);
    }
    WHEN(material == 2) {
        float r = length(loc.xz);
        float a = atan(loc.z, loc.x);
        float tread = step(0.55, fract(a * 9.5 + sign(loc.y) * 0.25 + loc.y * 2.0)) * smoothstep(0.44, 0.46, r);
        float rings = line(fract(r * 22.0), 0.5, 0.06) * 0.25;
        base *= 1.0 - 0.5 * tread - rings + 0.3 * (f - 0.5);
        gloss = 0.12;
    }
    WHEN(material == 3) {
        float r = length(loc.xz);
        float a = atan(loc.z, loc.x);
        vec2 cell = vec2(fract(a * 10.0 / 6.2832) - 0.5, (r - 0.165) * 12.0);
        float nut = smoothstep(0.3, 0.2, length(cell));
        vec2 vent = vec2(fract(a * 8.0 / 6.2832) - 0.5, (r - 0.25) * 9.0);
        base *= (0.75 + 0.4 * f) * (1.0 - 0.8 * smoothstep(0.32, 0.24, length(vent)));
        base += nut * 0.12;
        gloss = 0.4; mirror = 0.05;
    }
    WHEN(material == 4) { gloss = 0.25; base *= 0.8 + 0.4 * f; }
    WHEN(material == 5) { gloss = 0.9; mirror = 0.25; base *= 0.65 + 0.5 * noise3(p * 30.0).r; }
    WHEN(material == 6) { emit = 1.0; }
    WHEN(material == 7) {
        float weave = 0.94 + 0.06 * grain(p * 60.0);
        float seam = line(fract(p.x / 1.5), 0.5, 0.012);
        float fold = sin(p.x * 8.0 + p.y * 1.5 + 7.0 * grain(p * vec3(0.9, 0.6, 0.6)));
        base *= weave * (0.88 + 0.2 * grime) * (1.0 - 0.25 * seam);
        n = normalize(n + vec3(0.32 * fold * abs(fold), 0.0, 0.0));
        gloss = 0.35;
    }
    WHEN(material == 8) {
        vec2 mesh = abs(fract(p.xy * 14.0 + 0.15 * noise3(p * 6.0).rg) - 0.5);
        float thread = smoothstep(0.18, 0.3, max(mesh.x, mesh.y));
        float lod = clamp(distance_to_eye * 0.06, 0.0, 1.0);
        thread = mix(thread, 0.72, lod);
        base = mix(mud_colour * (0.5 + 0.9 * f), base, 0.6 + 0.38 * thread);
        base *= 0.85 + 0.3 * grime;
        bump = 0.3;
    }
    WHEN(material == 9 || material == 10 || material == 12) {
        float k = material == 10 ? 0.35 : 1.0;
        base *= 1.0 + k * 1.3 * (f - 0.5) + k * 0.9 * (noise3(p * 22.0).g - 0.5);
        base *= mix(1.0, 0.45, k * smoothstep(0.62, 0.75, noise3(p * 9.0).b));
        bump = 0.9 * k + 0.2;
        if (material == 12) { gloss = 0.4; mirror = 0.03; }
    }
    WHEN(material == 11) {
        vec4 t = noise3(floor(p * 6.0) * 7.3);
        base *= 0.55 + 0.9 * t.r;
        base = mix(base, vec3(0.30, 0.10, 0.06), step(0.62, t.g) * 0.8);
        base *= 0.6 + 0.8 * noise3(p * 14.0).b;
        bump = 1.1;
    }
    WHEN(material >= 13 && material <= 16 || material == 22) {
        ground = pos.z < 0.35;
        float big = fbm(pos * 0.35);
        base *= 0.7 + 0.35 * big + 0.25 * noise3(pos * 17.0).r;
        WHEN(material == 13 && ground) {
            float joint = max(line(fract(pos.x / 5.0), 0.5, 0.003), line(fract(pos.y / 4.0), 0.5, 0.004));
            float crack = line(noise3(pos * 1.1).g, 0.5, 0.006) * step(0.55, noise3(pos * 0.3).b);
            base *= 1.0 - 0.5 * max(joint, crack * 0.7);
        }
        WHEN(material == 15) { base *= 0.75 + 0.5 * noise3(pos * 5.0).g; bump = 0.8; }
        WHEN(material == 16) { base *= 0.6 + 0.8 * noise3(pos * 9.0 + vec3(0, 0, noise3(pos * 30.0).r)).g; bump = 1.2; }
        WHEN(material == 22) base *= 0.5 + 0.6 * smoothstep(0.35, 0.55, noise3(pos * 4.0).g);
        WHEN(ground && material != 16) {
            float stain = smoothstep(0.5, 0.75, fbm(pos * vec3(0.5, 0.9, 0.5) + 5.0));
            base *= 1.0 - 0.25 * stain;
            float track = exp(-pow((abs(pos.y) - 1.05) * 2.2, 2.0)) * 0.6 + 0.4;
            base = mix(base, mix(dust_colour, mud_colour, 0.4), clamp(ground_dirt * track * smoothstep(0.3, 0.7, fbm(pos * vec3(0.25, 0.8, 1.0))), 0.0, 0.95));
        }
    }
    WHEN(material == 17) { base *= 0.5 + 1.1 * noise3(p * 8.0).r; bump = 1.6; }
    WHEN(material == 18) {
        vec2 cell = vec2(p.x + p.y, p.z);
        vec2 g = fract(cell / vec2(3.2, 3.0));
        vec2 id = floor(cell / vec2(3.2, 3.0));
        float pane = step(0.25, g.x) * step(g.x, 0.78) * step(0.3, g.y) * step(g.y, 0.8);
        if (abs(n.z) < 0.5 && pane > 0.5) {
            base = vec3(0.03, 0.04, 0.05); mirror = 0.15; gloss = 0.9;
            if (noise3(vec3(id * 5.3, 0.5)).r > 0.56) emit = step(sky_zenith.b, 0.02) * 6.0;
            if (emit > 0.0) base = vec3(0.5, 0.4, 0.22) * 0.12;
        } else base *= 0.85 + 0.3 * fbm(p * 0.5);
    }
    WHEN(material == 19) {
        base *= 0.82 + 0.25 * step(0.5, fract((p.x + p.y) * 4.0)) ;
        base *= 0.85 + 0.3 * grime;
        base = mix(base, dust_colour, 0.6 * smoothstep(0.9, 0.0, p.z) * grime);
    }
    WHEN(material == 20) { base *= 0.8 + 0.4 * f; }
    WHEN(material == 21) { gloss = 0.5; mirror = 0.05; base *= 0.65 + 0.7 * grime; base = mix(base, vec3(0.16, 0.07, 0.03), 0.5 * smoothstep(0.58, 0.75, f)); }
    WHEN(material == 23) {
        vec2 q = vec2(p.y, p.z);
        float glyph = step(0.25, fract(q.x * 15.0)) * step(0.42, noise3(vec3(q * vec2(52.0, 60.0), 3.0)).r);
        base = mix(base, base.b > base.r ? vec3(0.8) : vec3(0.02), glyph * 0.9);
        gloss = 0.4;
    }
    WHEN(material == 24) {
        vec2 q = vec2(p.x + p.y, p.z) * vec2(4.0, 12.0);
        q.x += 0.5 * step(0.5, fract(q.y * 0.5));
        float mortar = max(step(fract(q.x), 0.06), step(fract(q.y), 0.12));
        base = mix(base * (0.7 + 0.6 * noise3(vec3(floor(q) * 3.1, 1.0)).r), vec3(0.3), mortar * 0.6);
    }
    WHEN(material == 25) {
        vec2 q = vec2(p.x + p.y, p.z);
        float bar = max(line(fract(q.x / 1.8), 0.5, 0.02), line(fract(q.y / 1.9), 0.5, 0.02));
        base = mix(base * (0.6 + 0.7 * fbm(p * 0.8)), vec3(0.1), bar);
    }
    WHEN(material == 26) {
        vec2 q = vec2((p.x + p.y) * 3.1, p.z * 2.6);
        vec2 cell = fract(q);
        float row = step(0.22, cell.y) * step(cell.y, 0.86);
        float word = step(0.3, grain(vec3(floor(q.x / 5.0) * 3.7, floor(q.y) * 5.1, col.r * 40.0)));
        float stroke = max(step(0.5, grain(vec3(floor(q.x) * 7.0 + floor(cell.x * 5.0) * 0.9, floor(cell.y * 7.0) * 3.1, 2.0))), 0.0);
        float glyph = stroke * row * word * step(0.14, cell.x);
        vec3 ink = col.r > col.b ? (col.g > 0.3 ? vec3(0.45, 0.02, 0.02) : vec3(0.8, 0.75, 0.6)) : (col.g > 0.4 ? vec3(0.02, 0.04, 0.15) : vec3(0.8));
        base = mix(base * (0.85 + 0.3 * grime), ink, glyph * 0.85);
    }

    WHEN(bump > 0.0) {
        vec3 g = noise3(p * 7.0).rgb + 0.6 * noise3(p * 19.0 + 2.0).gbr - 0.8;
        n = normalize(n + bump * g);
    }

    float wet = state.z;
    WHEN(state.y > 0.0) {
        float d = state.y * (0.35 + 0.9 * grime + 0.35 * max(n.z, 0.0));
        d = clamp(d * (0.75 + 0.5 * f), 0.0, 0.93);
        base = mix(base, dust_colour * (0.85 + 0.3 * f), d);
        gloss *= 1.0 - 0.85 * d; mirror *= 1.0 - d;
    }
    WHEN(state.x > 0.0) {
        float m = fbm(p * 4.0 + 3.0) * 0.75 + 0.25 * noise3(p * 1.3).g;
        float cut = mix(0.74, 0.14, state.x);
        float cover = smoothstep(cut - 0.07, cut + 0.07, m);
        vec3 soil = mud_colour * (0.72 + 0.4 * grain(p * 5.0) + 0.25 * (grain(p * 23.0) - 0.5)) * mix(1.2, 0.7, mud_wet);
        base = mix(base, mix(dust_colour, soil, 0.7), 0.6 * smoothstep(cut - 0.3, cut, m));
        base = mix(base, soil, cover);
        vec3 g = vec3(grain(p * 16.0), grain(p * 16.0 + 9.0), grain(p * 16.0 + 21.0)) - 0.5;
        n = normalize(n + 0.6 * cover * g);
        gloss = mix(gloss, 0.1 + 0.5 * mud_wet * mud_wet, cover);
        mirror = mix(mirror, 0.04 * mud_wet, cover);
    }
    if (wet > 0.0) { base *= 1.0 - 0.45 * wet; gloss = mix(gloss, 0.8, wet * 0.8); mirror = mix(mirror, 0.10, wet * 0.6); }
    float puddle = 0.0;
    WHEN(ground && ground_wet > 0.0) {
        float h = fbm(pos * vec3(0.4, 0.4, 0.1) + 2.0);
        puddle = smoothstep(0.72 - 0.35 * ground_wet, 0.78 - 0.3 * ground_wet, h);
        float w = ground_wet * (0.55 + 0.45 * puddle);
        base *= 1.0 - 0.5 * w;
        gloss = mix(gloss, 0.93, w); mirror = mix(mirror, 0.05 + 0.25 * puddle, w);
        n = normalize(mix(n + 0.12 * (1.0 - puddle) * (noise3(pos * 20.0).rgb - 0.5), vec3(0, 0, 1), puddle));
    }

    if (emit >= 1.0) { colour = vec4(base * emit, 1.0); return; }

    float occlusion = state.w * under_cars(pos);
    if (!ground) occlusion = state.w * mix(0.75, 1.0, smoothstep(0.0, 0.9, pos.z));
    vec3 ambient = mix(ground_bounce, mix(sky_horizon, sky_zenith, 0.5), 0.5 + 0.5 * n.z) * occlusion;
    float lit = shadow(pos, n);
    float ndl = max(dot(n, sun_direction), 0.0) * lit;
    vec3 light = ambient + sun_colour * ndl;
    float power = exp2(2.0 + gloss * 8.0);
    vec3 halfway = normalize(sun_direction + v);
    float fresnel = mirror + (1.0 - mirror) * pow(1.0 - max(dot(n, v), 0.0), 5.0) * gloss * gloss;
    vec3 specular = sun_colour * lit * pow(max(dot(n, halfway), 0.0), power) * (power + 8.0) * 0.02 * (mirror + 0.02);
    for (int i = 0; i < light_count; i++) {
        vec3 l = light_pos[i].xyz - pos;
        float d2 = dot(l, l);
        l *= inversesqrt(d2);
        float cone = light_dir[i].w < -1.5 ? 1.0 : smoothstep(light_dir[i].w, mix(light_dir[i].w, 1.0, 0.5), dot(-l, light_dir[i].xyz));
        float fall = cone / (1.0 + d2) * smoothstep(light_pos[i].w * light_pos[i].w, 0.0, d2);
        vec3 e = light_col[i] * fall * (0.4 + 0.6 * occlusion);
        light += e * max(dot(n, l), 0.0);
        vec3 hw = normalize(l + v);
        specular += e * pow(max(dot(n, hw), 0.0), power) * (power + 8.0) * 0.02 * (mirror + 0.02);
        if (material == 22 || material == 23) light += e * 3.0 * pow(max(dot(l, v), 0.0), 40.0);
    }
    vec3 r = reflect(-v, n);
    vec3 around = sky(r);
    if (material == 1) around *= 0.45 + 1.3 * smoothstep(0.4, 0.6, grain(r * vec3(4.0, 4.0, 9.0)));
    if (r.z < 0.25 && material != 13) around *= mix(0.35, 1.0, smoothstep(0.0, 0.25, r.z));
    vec3 c = base * light + specular + around * fresnel * (0.4 + 0.6 * occlusion) * gloss;
    float fog = 1.0 - exp(-distance_to_eye * fog_density);
    colour = vec4(mix(c, fog_colour, fog), 1.0);
}
