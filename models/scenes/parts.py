"""The small vocabularies shared by geometry, shader and labels.

`Material` numbers are mirrored in `shaders/scene.frag`. An ident is `object * PARTS + part`; object 0 is the world.
Wheels take the parts from `Part.WHEEL` upwards, one number for the wheels on one side of one axle.
"""

from enum import IntEnum

PARTS = 64


class Material(IntEnum):
    PAINT = 0
    GLASS = 1
    TYRE = 2
    RIM = 3
    PLASTIC = 4
    LAMP = 5
    EMISSIVE = 6
    TARPAULIN = 7
    NET = 8
    SOIL = 9
    SAND = 10
    RUBBLE = 11
    COAL = 12
    CONCRETE = 13
    ASPHALT = 14
    DIRT = 15
    GRASS = 16
    LEAF = 17
    FACADE = 18
    HOARDING = 19
    CLOTH = 20
    STEEL = 21
    MARKING = 22
    PLATE = 23
    BRICK = 24
    SCAFFOLD = 25
    LIVERY = 26


class Part(IntEnum):
    BODY = 0
    COVER = 1
    LOAD = 2
    FLOOR = 3
    WALL = 4
    WHEEL = 8


def ident(obj: int, part: int) -> int:
    """The number written to the ident picture for `part` of object `obj`."""
    return obj * PARTS + part
