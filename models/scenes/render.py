"""Drawing with moderngl: shadow map, sky, scene in linear light, and the ident picture the labels are read from.

Needs an EGL driver (Debian: libegl1, libgl1-mesa-dri). One renderer holds one context and serves one thread.
"""

from __future__ import annotations

from pathlib import Path

import moderngl
import numpy as np
from numpy.typing import NDArray

from models.scenes.camera import Camera, look_at
from models.scenes.lighting import Lighting
from models.scenes.scene import Scene

SHADERS = Path(__file__).parent / "shaders"
LAYOUT = "3f 3f 3f 3f 2f 4f"
NAMES = ("in_pos", "in_nrm", "in_loc", "in_col", "in_tag", "in_state")
MAX_LAMPS, MAX_CARS = 12, 10


def _source(name: str) -> str:
    text = (SHADERS / name).read_text()
    return text.replace("//include sky.glsl", (SHADERS / "sky.glsl").read_text())


class Renderer:
    def __init__(self, width: int, height: int, samples: int = 4, shadow: int = 1536) -> None:
        self.width, self.height = width, height
        gl = self.gl = moderngl.create_standalone_context(backend="egl")
        gl.enable(moderngl.DEPTH_TEST)
        self.scene_program = gl.program(_source("scene.vert"), _source("scene.frag"))
        self.ident_program = gl.program(_source("ident.vert"), _source("ident.frag"))
        self.shadow_program = gl.program(_source("scene.vert"), _source("depth.frag"))
        self.sky_program = gl.program(_source("sky.vert"), _source("sky.frag"))
        size = (width, height)
        self.many = gl.framebuffer(
            gl.renderbuffer(size, 4, samples=samples, dtype="f2"), gl.depth_renderbuffer(size, samples=samples)
        )
        self.one = gl.framebuffer(gl.texture(size, 4, dtype="f2"))
        self.idents = gl.framebuffer(gl.renderbuffer(size, 1, dtype="f4"), gl.depth_renderbuffer(size))
        self.shadow_map = gl.depth_texture((shadow, shadow))
        self.shadow_map.compare_func = ""
        self.shadow_map.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self.shadow = gl.framebuffer(depth_attachment=self.shadow_map)
        self.noise = gl.texture3d((64, 64, 64), 4, _noise_volume().tobytes())
        self.noise.repeat_x = self.noise.repeat_y = self.noise.repeat_z = True
        self.noise.filter = (moderngl.LINEAR, moderngl.LINEAR)
        corners = np.array([-1, -1, 1, -1, -1, 1, 1, 1], np.float32)
        self.sky_array = gl.vertex_array(self.sky_program, [(gl.buffer(corners.tobytes()), "2f", "in_corner")])

    def render(self, scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.int32], dict[int, NDArray[np.int32]]]:
        """Linear picture (h, w, 3) RGB, idents (h, w), and for every vehicle its idents with nothing in front of it."""
        vertices = scene.vertices()
        buffer = self.gl.buffer(vertices.tobytes())
        colour = self._colour(scene, buffer)
        arrays = self.gl.vertex_array(self.ident_program, [(buffer, "3f 36x 2f 16x", "in_pos", "in_tag")])
        self._matrix(self.ident_program, scene.camera)
        idents = self._ident(arrays, 0, len(vertices))
        alone = {n: self._ident(arrays, first, count) for n, (first, count) in scene.ranges().items()}
        arrays.release()
        buffer.release()
        return colour, idents, alone

    def _matrix(self, program: moderngl.Program, camera: Camera) -> None:
        program["view_projection"].write(camera.view_projection(self.width, self.height).T.astype("f4").tobytes())

    def _ident(self, array: moderngl.VertexArray, first: int, count: int) -> NDArray[np.int32]:
        self.idents.use()
        self.idents.clear(0, 0, 0, 0, depth=1.0)
        array.render(vertices=count, first=first)
        raw = np.frombuffer(self.idents.read(components=1, dtype="f4"), np.float32).reshape(self.height, self.width)
        return np.ascontiguousarray(raw[::-1]).round().astype(np.int32)

    def _colour(self, scene: Scene, buffer: moderngl.Buffer) -> NDArray[np.float32]:
        light, camera, program = scene.lighting, scene.camera, self.scene_program
        matrix = _shadow_matrix(light, scene.focus)
        self.shadow.use()
        self.shadow.clear(depth=1.0)
        shadow_array = self.gl.vertex_array(self.shadow_program, [(buffer, "3f 36x 2f 16x", "in_pos", "in_tag")])
        _set(self.shadow_program, view_projection=matrix, sway=scene.sway)
        shadow_array.render()
        shadow_array.release()
        self.many.use()
        self.many.clear(0, 0, 0, 1, depth=1.0)
        self._matrix(program, camera)
        _sky(program, light)
        _sky(self.sky_program, light)
        inverse = np.linalg.inv(camera.view_projection(self.width, self.height))
        _set(self.sky_program, inverse_view_projection=inverse)
        self.noise.use(0)
        self.shadow_map.use(1)
        _set(
            program,
            noise=0,
            shadow_map=1,
            shadow_matrix=matrix,
            eye=camera.eye,
            shadow_soft=light.shadow_soft,
            mud_colour=scene.mud_colour,
            dust_colour=scene.dust_colour,
            mud_wet=scene.mud_wet,
            ground_wet=light.wet,
            ground_dirt=scene.ground_dirt,
            fog_colour=light.horizon,
            fog_density=light.fog,
            sway=scene.sway,
        )
        _set(self.sky_program, noise=0)
        _lamps(program, light)
        _cars(program, scene.footprints())
        array = self.gl.vertex_array(program, [(buffer, LAYOUT, *NAMES)])
        array.render()
        array.release()
        self.sky_array.render(moderngl.TRIANGLE_STRIP)
        self.gl.copy_framebuffer(self.one, self.many)
        raw = np.frombuffer(self.one.read(components=3, dtype="f2"), np.float16).reshape(self.height, self.width, 3)
        return np.nan_to_num(raw[::-1].astype(np.float32), posinf=1000.0).clip(0, 1000)


def _set(program: moderngl.Program, **values: object) -> None:
    for name, value in values.items():
        if name not in program:
            continue
        if isinstance(value, np.ndarray):
            program[name].write(value.T.astype("f4").tobytes())
        else:
            program[name].value = value


def _sky(program: moderngl.Program, light: Lighting) -> None:
    _set(
        program,
        sky_zenith=light.zenith,
        sky_horizon=light.horizon,
        ground_bounce=light.bounce,
        sun_direction=light.sun_direction,
        sun_colour=light.sun_colour,
        cloud=light.cloud,
    )


def _lamps(program: moderngl.Program, light: Lighting) -> None:
    lamps = light.lamps[:MAX_LAMPS]
    pos, direction, colour = (
        np.zeros((MAX_LAMPS, 4), "f4"),
        np.zeros((MAX_LAMPS, 4), "f4"),
        np.zeros((MAX_LAMPS, 3), "f4"),
    )
    for i, lamp in enumerate(lamps):
        pos[i] = (*lamp.pos, lamp.reach)
        d = np.asarray(lamp.direction)
        direction[i] = (*(d / np.linalg.norm(d)), lamp.cosine)
        colour[i] = lamp.colour
    program["light_count"].value = len(lamps)
    program["light_pos"].write(pos.tobytes())
    program["light_dir"].write(direction.tobytes())
    program["light_col"].write(colour.tobytes())


def _cars(program: moderngl.Program, footprints: list[tuple[float, float, float, float, float]]) -> None:
    box, turn = np.zeros((MAX_CARS, 4), "f4"), np.zeros((MAX_CARS, 4), "f4")
    for i, (x, y, yaw, length, width) in enumerate(footprints[:MAX_CARS]):
        box[i] = (x, y, length / 2, width / 2)
        turn[i] = (np.cos(yaw), np.sin(yaw), 0, 0)
    program["car_count"].value = min(len(footprints), MAX_CARS)
    program["car_box"].write(box.tobytes())
    program["car_turn"].write(turn.tobytes())


def _shadow_matrix(light: Lighting, focus: tuple[float, float, float]) -> NDArray[np.float64]:
    """Orthographic view along the sun over the 24 m around `focus`."""
    reach, depth = 24.0, 90.0
    d = np.asarray(light.sun_direction)
    view = look_at(np.asarray(focus) + d * 45, focus)
    projection = np.diag([1 / reach, 1 / reach, -2 / depth, 1.0])
    projection[2, 3] = -1.0
    return projection @ view


def _noise_volume() -> NDArray[np.uint8]:
    """64³ lattice of four independent uniform values, slightly smoothed; it repeats every 64 cells."""
    rng = np.random.default_rng(7)
    return rng.integers(0, 256, (64, 64, 64, 4), dtype=np.uint8)
