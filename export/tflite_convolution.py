"""Transposed convolutions as plain ones, which LiteRT runs faster and with any batch size."""

from collections.abc import Iterator

import numpy as np


def without_transposed_convolutions(graph):
    """Rewrites every strided `Conv2DBackpropInput` that Keras makes with padding "same".

    LiteRT's delegate for CPUs (XNNPACK) takes TRANSPOSE_CONV only where the output's size is a
    constant, so not where the batch is dynamic, and is faster with what is written here: each of
    the `stride * stride` interleaved parts of the output is a convolution with every `stride`-th
    tap of the kernel, put in place by DEPTH_TO_SPACE (Shi et al., "Is the deconvolution layer the
    same as a convolutional layer?", 2016). It is the same arithmetic, with weights of the same
    size.

    Args:
        graph: a frozen TensorFlow `GraphDef` with shapes.

    Returns:
        A `GraphDef`, the same but for these operators.
    """
    rewritten = type(graph)(versions=graph.versions, library=graph.library)
    nodes = {node.name: node for node in graph.node}
    for node in graph.node:
        kernel = _kernel(node, nodes) if node.op == "Conv2DBackpropInput" else None
        rewritten.node.extend([node] if kernel is None else _convolutions(node, kernel))
    return rewritten


def _kernel(node, nodes) -> np.ndarray | None:
    """The kernel `(rows, columns, out, in)`, or `None` if the operator must stay as it is."""
    import tensorflow as tf

    _, kernel, signal = node.input
    while (source := nodes[kernel]).op == "Identity":
        kernel = source.input[0]
    attributes = node.attr
    _, rows, columns, _ = attributes["strides"].list.i
    if (
        source.op != "Const"
        or attributes["padding"].s != b"SAME"
        or attributes["data_format"].s != b"NHWC"
        or any(dilation != 1 for dilation in attributes["dilations"].list.i)
        or rows != columns
        or rows == 1
    ):
        return None
    kernel = tf.make_ndarray(source.attr["value"].tensor)
    sizes, wanted = _sizes(nodes[signal.split(":")[0]]), _sizes(node)
    grown = all(-1 in pair or pair[0] * rows == pair[1] for pair in zip(sizes, wanted, strict=True))
    return kernel if grown and min(kernel.shape[:2]) >= rows else None


def _sizes(node) -> list[int]:
    """Rows and columns of a node's output, -1 where unknown."""
    shape = node.attr["_output_shapes"].list.shape[0]
    return [-1, -1] if shape.unknown_rank else [dimension.size for dimension in shape.dim[1:3]]


def _taps(size: int, stride: int, part: int) -> tuple[slice, list[int]]:
    """Which taps of a kernel's axis make a part of the output, and the padding before and after."""
    cut = (size - stride) // 2
    first = (part + cut) % stride
    taps = range(first, size, stride)
    # Tap t of the output value `part` belongs to the input value (part + cut - t) / stride.
    offsets = [(part + cut - tap) // stride for tap in taps]
    return slice(first, None, stride), [max(-offsets[-1], 0), max(offsets[0], 0)]


def _convolutions(node, kernel: np.ndarray) -> Iterator:
    """Yields the nodes that take the place of `node`, the last one under its name."""
    import tensorflow as tf

    stride = node.attr["strides"].list.i[1]
    with tf.Graph().as_default() as graph:
        signal = tf.compat.v1.placeholder(tf.float32, (None, None, None, kernel.shape[3]), "signal")
        parts = []
        for row, column in np.ndindex(stride, stride):
            rows, above_below = _taps(kernel.shape[0], stride, row)
            columns, left_right = _taps(kernel.shape[1], stride, column)
            # The first input value goes with the last tap.
            taps = kernel[rows, columns][::-1, ::-1].transpose(0, 1, 3, 2)
            padding = [[0, 0], above_below, left_right, [0, 0]]
            parts.append(tf.nn.conv2d(signal, np.ascontiguousarray(taps), 1, padding))
        tf.nn.depth_to_space(tf.concat(parts, axis=-1), stride, name="output")
    new_names = {"signal": node.input[2], "output": node.name}
    for part in graph.as_graph_def(add_shapes=True).node:
        if part.name != "signal":
            part.name = new_names.get(part.name, f"{node.name}/{part.name}")
            part.input[:] = [new_names.get(name, f"{node.name}/{name}") for name in part.input]
            yield part
