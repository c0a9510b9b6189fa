"""Benches: the shapes that policies grow in."""

from __future__ import annotations

from benches.synthetic.shape import Shape
from benches.synthetic.shapes import hierarchy, mixed, nested_ranges, per_resource, ranges, set_overlap, windows

SHAPES: dict[str, Shape] = {
    shape.name: shape
    for shape in (
        per_resource.SHAPE,
        ranges.INTS,
        ranges.DECIMALS,
        ranges.INSTANTS,
        ranges.NETWORKS,
        nested_ranges.SHAPE,
        windows.SHAPE,
        set_overlap.SHAPE,
        hierarchy.SHAPE,
        mixed.SHAPE,
    )
}
