"""An exported network without the transpositions that Keras's OpenVINO backend writes.

It puts one before and one behind each convolution and normalization, since OpenVINO's have the
channels before height and width, Keras's behind them. Those of a normalization also swap height
and width, and so do not cancel out. Network and answers are right, and run less than half as fast.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino
from openvino import opset8

# What is computed value by value, of one input or of several that are broadcast.
_VALUE_BY_VALUE = {
    *("Abs", "Add", "Ceiling", "Clamp", "Convert", "Divide", "Elu", "Exp", "Floor", "Gelu"),
    *("HardSigmoid", "HSigmoid", "HSwish", "Log", "Maximum", "Minimum", "Mish", "Multiply"),
    *("Negative", "Power", "PRelu", "Relu", "Selu", "Sigmoid", "SoftPlus", "SoftSign", "Sqrt"),
    *("Subtract", "Swish", "Tanh"),
}

_SWAPPED = (0, 3, 2, 1)
_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def without_transpositions(network: openvino.Model) -> None:
    """Move each transposition down until it meets its opposite, and both go. In place."""
    nodes = network.get_ordered_ops()
    constant: set[str] = set()  # weights, and what is made of them alone
    for node in nodes:
        sources = [value.get_node().get_name() for value in node.input_values()]
        if node.get_type_name() == "Constant" or (sources and constant.issuperset(sources)):
            constant.add(node.get_name())
    nodes = [node for node in nodes if node.get_name() not in constant]
    for node in nodes:
        if node.get_type_name() == "BatchNormInference":
            _keep_height_and_width(node)
    for node in nodes:
        kind = node.get_type_name()
        if kind == "Transpose":
            _join_with_the_one_before(node)
        elif kind in _VALUE_BY_VALUE:
            _move_below(node, constant)
        elif kind == "Concat":
            _move_below_concatenation(node)
        elif kind == "ReduceMean":
            _move_below_mean(node)
        elif kind == "Pad":
            _move_below_padding(node)
    network.validate_nodes_and_infer_types()


def _keep_height_and_width(normalization: Any) -> None:
    """It works on each channel by itself, whichever way height and width are."""
    before = normalization.input_value(0).get_node()
    behind = _readers(normalization)
    if all(_order(node.get_node()) == _SWAPPED for node in behind) and _order(before) == _SWAPPED:
        _reorder(before, _TO_CHANNELS_FIRST)
        for reader in behind:
            _reorder(reader.get_node(), _TO_CHANNELS_LAST)


def _join_with_the_one_before(node: Any) -> None:
    order, before = _order(node), node.input_value(0).get_node()
    first = _order(before)
    if order is None or first is None or len(order) != len(first):
        return
    both = tuple(first[axis] for axis in order)
    if both == tuple(range(len(both))):
        for reader in _readers(node):
            reader.replace_source_output(before.input_value(0))
    else:
        node.input(0).replace_source_output(before.input_value(0))
        _reorder(node, both)


def _move_below(node: Any, constant: set[str]) -> None:
    orders = [_order(value.get_node()) for value in node.input_values()]
    order = next((found for found in orders if found is not None), None)
    if order is None or not all(
        found == order or (found is None and _fits(value, len(order), constant))
        for found, value in zip(orders, node.input_values(), strict=True)
    ):
        return
    for input_, found in zip(node.inputs(), orders, strict=True):
        value = input_.get_source_output()
        if found is not None:
            input_.replace_source_output(value.get_node().input_value(0))
        elif len(value.get_shape()) > 0:
            missing = [1] * (len(order) - len(value.get_shape()))
            shape = opset8.constant(np.array([*missing, *value.get_shape()], np.int64))
            whole = opset8.reshape(value, shape, special_zero=False)
            back = opset8.constant(np.argsort(order).astype(np.int32))
            input_.replace_source_output(opset8.transpose(whole, back).output(0))
    _put_below(node, _readers(node), order)


def _fits(value: Any, rank: int, constant: set[str]) -> bool:
    return value.get_node().get_name() in constant and len(value.get_shape()) <= rank


def _move_below_concatenation(node: Any) -> None:
    orders = {_order(value.get_node()) for value in node.input_values()}
    order = orders.pop()
    if orders or order is None:
        return
    axis = node.get_attributes()["axis"]
    sources = [value.get_node().input_value(0) for value in node.input_values()]
    joined = opset8.concat(sources, order[axis])
    _put_below(joined, _readers(node), order)


def _move_below_mean(node: Any) -> None:
    order, axes = _order(node.input_value(0).get_node()), node.input_value(1).get_node()
    if order is None or axes.get_type_name() != "Constant":
        return
    if not node.get_attributes()["keep_dims"]:
        return
    moved = np.array([order[axis] for axis in np.atleast_1d(axes.get_data())], np.int64)
    node.input(0).replace_source_output(node.input_value(0).get_node().input_value(0))
    node.input(1).replace_source_output(opset8.constant(moved).output(0))
    _put_below(node, _readers(node), order)


def _move_below_padding(node: Any) -> None:
    order = _order(node.input_value(0).get_node())
    margins = [node.input_value(place).get_node() for place in (1, 2)]
    if order is None or any(margin.get_type_name() != "Constant" for margin in margins):
        return
    node.input(0).replace_source_output(node.input_value(0).get_node().input_value(0))
    for place, margin in enumerate(margins, start=1):
        moved = opset8.constant(margin.get_data()[np.argsort(order)])
        node.input(place).replace_source_output(moved.output(0))
    _put_below(node, _readers(node), order)


def _put_below(node: Any, readers: Sequence[Any], order: tuple[int, ...]) -> None:
    below = opset8.transpose(node, opset8.constant(np.array(order, np.int32)))
    for reader in readers:
        reader.replace_source_output(below.output(0))


def _readers(node: Any) -> list[Any]:
    return list(node.output(0).get_target_inputs())


def _order(node: Any) -> tuple[int, ...] | None:
    """Read the order of axes that a transposition makes; None of any other node."""
    if node.get_type_name() != "Transpose":
        return None
    order = node.input_value(1).get_node()
    if order.get_type_name() != "Constant":
        return None
    return tuple(int(axis) for axis in order.get_data())


def _reorder(node: Any, order: tuple[int, ...]) -> None:
    constant = opset8.constant(np.array(order, np.int32))
    node.input(1).replace_source_output(constant.output(0))
