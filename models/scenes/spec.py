"""What one vehicle is: the numbers its geometry is built from and the truth its labels state.

`load` and `wheels` are the states as they are, not as they can be seen; `labels` decides what a picture shows of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.scenes.mesh import Colour
from models.scenes.parts import Material

COVERS = ("slide", "tarp_flat", "tarp_bulge", "net", "hinged")
LOADS = (Material.SOIL, Material.SAND, Material.RUBBLE, Material.COAL)
CAB_COLOURS: tuple[Colour, ...] = (
    (0.72, 0.10, 0.03),
    (0.80, 0.28, 0.02),
    (0.85, 0.52, 0.02),
    (0.75, 0.75, 0.73),
    (0.80, 0.80, 0.80),
    (0.04, 0.22, 0.09),
    (0.02, 0.12, 0.40),
    (0.08, 0.30, 0.50),
    (0.16, 0.17, 0.18),
    (0.35, 0.02, 0.03),
    (0.55, 0.52, 0.42),
    (0.10, 0.35, 0.12),
    (0.62, 0.05, 0.02),
    (0.30, 0.32, 0.34),
)
RIM_COLOURS: tuple[Colour, ...] = (
    (0.30, 0.30, 0.30),
    (0.55, 0.55, 0.55),
    (0.35, 0.06, 0.03),
    (0.65, 0.62, 0.55),
    (0.10, 0.10, 0.10),
    (0.55, 0.35, 0.02),
    (0.05, 0.12, 0.30),
    (0.16, 0.08, 0.04),
    (0.22, 0.12, 0.07),
    (0.45, 0.20, 0.03),
    (0.42, 0.03, 0.03),
)
COVER_COLOURS: tuple[Colour, ...] = (
    (0.03, 0.09, 0.05),
    (0.04, 0.16, 0.07),
    (0.03, 0.08, 0.28),
    (0.05, 0.05, 0.055),
    (0.25, 0.25, 0.26),
    (0.38, 0.33, 0.24),
    (0.55, 0.20, 0.02),
    (0.06, 0.24, 0.16),
    (0.45, 0.05, 0.03),
    (0.12, 0.11, 0.10),
)


@dataclass
class TruckSpec:
    """A goods vehicle. `draw` is how much of the bed its cover hides (0..1), `fill` how full it is against the walls,
    `goods` whether
    sacks, cartons and the like lie in it instead of bulk, `sidewall` how much of the wheels' mud is on their sides and
    hubs (the rest is on the tread)."""

    kind: str = "tipper"
    axles: int = 4
    steer_axles: int = 2
    length: float = 9.6
    width: float = 2.5
    cab_length: float = 2.1
    cab_height: float = 3.0
    cab_style: int = 0
    cab_colour: Colour = (0.8, 0.28, 0.02)
    trim_colour: Colour = (0.05, 0.05, 0.05)
    rim_colour: Colour = (0.3, 0.3, 0.3)
    wheel_radius: float = 0.52
    bed_colour: Colour = (0.8, 0.28, 0.02)
    bed_profile: str = "box"
    bed_floor: float = 1.35
    bed_wall: float = 1.3
    rib_count: int = 9
    rib_slant: float = 0.0
    tailgate_rake: float = 0.1
    bulkhead: float = 0.2
    canopy: bool = False
    board: bool = True
    livery: bool = True
    cover: str = "slide"
    cover_colour: Colour = (0.04, 0.16, 0.07)
    draw: float = 1.0
    torn: bool = False
    load: str = "covered"
    material: Material = Material.SOIL
    load_colour: Colour = (0.2, 0.13, 0.08)
    goods: bool = False
    fill: float = 0.8
    heap: float = 0.4
    wheels: str = "clean"
    wheel_mud: float = 0.0
    wheel_dust: float = 0.0
    wheel_wet: float = 0.0
    sidewall: float = 1.0
    body_mud: float = 0.0
    body_dust: float = 0.0
    roof_sign: bool = False
    visor: bool = True
    lamps_on: bool = False
    tilt: float = 0.0
    spin: float = 0.0
    shape_seed: int = 0


def jitter(rng: np.random.Generator, colour: Colour, amount: float = 0.15) -> Colour:
    """`colour` a little lighter or darker, and off hue in proportion to its brightness: dark soil stays brown."""
    c = np.array(colour) * rng.uniform(1 - amount, 1 + amount) + rng.normal(0, 0.4 * amount * float(np.mean(colour)), 3)
    r, g, b = np.clip(c, 0.005, 0.9)
    return float(r), float(g), float(b)


def pick(rng: np.random.Generator, colours: tuple[Colour, ...], amount: float = 0.15) -> Colour:
    return jitter(rng, colours[rng.integers(len(colours))], amount)


def load_colour(rng: np.random.Generator, material: Material) -> Colour:
    base: dict[Material, tuple[Colour, ...]] = {
        Material.SOIL: ((0.20, 0.12, 0.07), (0.13, 0.085, 0.055), (0.28, 0.17, 0.09), (0.10, 0.075, 0.06)),
        Material.SAND: ((0.48, 0.37, 0.22), (0.40, 0.33, 0.23), (0.55, 0.45, 0.30)),
        Material.RUBBLE: ((0.30, 0.28, 0.26), (0.36, 0.31, 0.27), (0.25, 0.20, 0.17)),
        Material.COAL: ((0.02, 0.02, 0.022), (0.035, 0.035, 0.037)),
    }
    return pick(rng, base[material], 0.2)


def sample_tipper(rng: np.random.Generator, load: str | None = None, wheels: str | None = None) -> TruckSpec:
    """A random tipper truck; `load` (covered, uncovered, empty) and `wheels` (clean, dusty, muddy)
    are drawn if absent."""
    load = load or str(rng.choice(["covered", "uncovered", "empty"], p=[0.4, 0.37, 0.23]))
    wheels = wheels or str(rng.choice(["clean", "dusty", "muddy"], p=[0.36, 0.3, 0.34]))
    axles = int(rng.choice([2, 3, 4], p=[0.25, 0.3, 0.45]))
    small = axles == 2 and rng.random() < 0.5
    length = {2: rng.uniform(5.8, 7.2), 3: rng.uniform(7.6, 8.8), 4: rng.uniform(8.8, 10.4)}[axles]
    width = rng.uniform(2.45, 2.55)
    if small:
        length, width = rng.uniform(5.2, 6.2), rng.uniform(2.0, 2.25)
    radius = rng.uniform(0.40, 0.45) if small else rng.uniform(0.49, 0.54)
    cab_colour = pick(rng, CAB_COLOURS)
    material = LOADS[rng.choice(4, p=[0.5, 0.18, 0.22, 0.10])]
    spec = TruckSpec(
        axles=axles,
        steer_axles=2 if axles == 4 else 1,
        length=length,
        width=width,
        cab_length=rng.uniform(1.6, 1.85) if small else rng.uniform(1.85, 2.3),
        cab_height=rng.uniform(2.3, 2.55) if small else rng.uniform(2.75, 3.25),
        cab_style=int(rng.integers(4)),
        cab_colour=cab_colour,
        trim_colour=pick(rng, ((0.04, 0.04, 0.04), (0.25, 0.25, 0.25), cab_colour)),
        rim_colour=pick(rng, RIM_COLOURS),
        wheel_radius=radius,
        bed_colour=cab_colour if rng.random() < 0.45 else pick(rng, CAB_COLOURS),
        bed_profile=str(rng.choice(["box", "slope", "round"], p=[0.6, 0.2, 0.2])),
        bed_floor=radius * 2 + rng.uniform(0.18, 0.34),
        bed_wall=rng.uniform(0.6, 1.0) if small else rng.uniform(0.85, 1.65),
        rib_count=int(rng.integers(0, 13)),
        rib_slant=float(rng.choice([0.0, 0.0, 0.25])),
        tailgate_rake=rng.uniform(-0.05, 0.25),
        bulkhead=rng.uniform(0.05, 0.5),
        canopy=rng.random() < 0.2,
        board=rng.random() < 0.6,
        livery=rng.random() < 0.6,
        cover=str(rng.choice(COVERS, p=[0.3, 0.22, 0.2, 0.13, 0.15])),
        cover_colour=pick(rng, COVER_COLOURS),
        load=load,
        material=material,
        load_colour=load_colour(rng, material),
        wheels=wheels,
        roof_sign=rng.random() < 0.25,
        visor=rng.random() < 0.6,
        spin=rng.uniform(0, 6.28),
        shape_seed=int(rng.integers(2**31)),
    )
    dress_load(spec, rng)
    dress_wheels(spec, rng)
    return spec


def dress_load(spec: TruckSpec, rng: np.random.Generator) -> None:
    """Set fill, heap, drawing and tears so that they agree with `spec.load`."""
    spec.torn = False
    spec.fill, spec.heap = rng.uniform(0.35, 1.0), rng.uniform(0.0, 0.55)
    if spec.load == "covered":
        spec.draw = 1.0
        if spec.cover in ("slide", "hinged", "tarp_flat"):
            spec.heap = min(spec.heap, 0.2)
            spec.fill = min(spec.fill, 0.85)
        else:
            spec.fill = rng.uniform(0.75, 1.05)
            spec.heap = rng.uniform(0.1, 0.55)
    elif spec.load == "uncovered":
        spec.draw = float(rng.choice([0.0, rng.uniform(0.25, 0.7)], p=[0.68, 0.32]))
        spec.fill = rng.uniform(0.6, 1.05)
        if spec.draw and rng.random() < 0.35 and spec.cover.startswith("tarp"):
            spec.draw, spec.torn = 1.0, True
    else:
        spec.draw = float(rng.choice([0.0, rng.uniform(0.1, 0.35)], p=[0.85, 0.15]))
        spec.fill, spec.heap = 0.0, 0.0


def dress_wheels(spec: TruckSpec, rng: np.random.Generator) -> None:
    """Set mud, dust and wetness of wheels and body so that they agree with `spec.wheels`."""
    spec.wheel_mud = spec.wheel_dust = spec.wheel_wet = spec.body_mud = 0.0
    spec.sidewall = 1.0
    spec.body_dust = float(rng.choice([rng.uniform(0.0, 0.25), rng.uniform(0.2, 0.75)], p=[0.65, 0.35]))
    if rng.random() < 0.25:
        spec.body_mud = rng.uniform(0.1, 0.5)
    if spec.wheels == "muddy":
        spec.wheel_mud, spec.wheel_dust = rng.uniform(0.5, 1.0), rng.uniform(0.2, 0.7)
        if rng.random() < 0.3:
            spec.sidewall, spec.wheel_mud = rng.uniform(0.3, 0.6), rng.uniform(0.75, 1.0)
        if rng.random() < 0.6:
            spec.body_mud = rng.uniform(0.2, 0.85)
    elif spec.wheels == "dusty":
        spec.wheel_dust, spec.wheel_mud = rng.uniform(0.5, 0.95), rng.uniform(0.0, 0.08)
    else:
        spec.wheel_dust = rng.uniform(0.0, 0.1)
        spec.body_mud *= 0.5
        spec.wheel_wet = float(rng.choice([0.0, rng.uniform(0.5, 1.0)], p=[0.6, 0.4]))
