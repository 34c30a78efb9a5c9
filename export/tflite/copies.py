"""Copies in files of dynamic sizes, kept apart from other operators in LiteRT's CPU delegate."""

from collections.abc import Iterator
from copy import copy

# What XNNPACK runs as a copy of values, in this release of LiteRT or in others.
COPIES = ("CONCATENATION", "EXPAND_DIMS", "RESHAPE", "SPLIT", "SQUEEZE")


def with_separate_copies(data: bytes) -> bytes:
    """Puts a BITCAST, which changes nothing, before and behind every copy.

    Without it, a file may return wrong values from its second run on, as the system's allocator
    pleases (seen with ai-edge-litert 2.3.0). XNNPACK, LiteRT's delegate for CPUs, skips a copy
    whose source and target have the same address, and then goes on skipping it, whatever the
    addresses, until sizes change. And when it moves the values that lie between its own operators
    to a larger memory, it looks at these addresses again, but knows only former ones of the values
    that it gets from LiteRT and gives back: LiteRT may have left them since, and the new memory may
    be where they were.

    XNNPACK leaves BITCAST to LiteRT. A copy between two of them has only values of LiteRT's as its
    source and target, and these never share an address. In graphs of fixed sizes nothing moves once
    they have run, so they stay as they are.

    Args:
        data: a TFLite file.

    Returns:
        A file with the same results; `data` itself if there is nothing to do.
    """
    from ai_edge_litert import schema_py_generated as schema

    from export.tflite.flatbuffer import packed, read_model

    model = read_model(data)
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    builtin = {getattr(schema.BuiltinOperator, name) for name in COPIES}
    copies = {number for number, code in enumerate(codes) if code in builtin}
    graphs = [graph for graph in model.subgraphs if _is_dynamic(graph)]
    if not any(operator.opcodeIndex in copies for graph in graphs for operator in graph.operators):
        return data
    bitcast = schema.OperatorCodeT()
    bitcast.builtinCode = schema.BuiltinOperator.BITCAST
    bitcast.deprecatedBuiltinCode = schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES
    bitcast.version = 1
    model.operatorCodes.append(bitcast)
    for graph in graphs:
        graph.operators = list(_separated(graph, copies, bitcast_code=len(codes)))
    return packed(model)


def _is_dynamic(graph) -> bool:
    signatures = (tensor.shapeSignature for tensor in graph.tensors)
    return any(size < 0 for signature in signatures if signature is not None for size in signature)


def _separated(graph, copies: set[int], *, bitcast_code: int) -> Iterator:
    """Yields a graph's operators and those in between, whose tensors it adds to the graph."""
    from ai_edge_litert import schema_py_generated as schema

    # Sizes are integers of more bits, and none of the delegate's business.
    types = (schema.TensorType.FLOAT32, schema.TensorType.INT8, schema.TensorType.UINT8)
    variable = {int(index) for index in graph.inputs}
    variable.update(int(index) for operator in graph.operators for index in operator.outputs)

    def doubles(indices) -> list[int]:
        """The tensors to use in place of these: new ones for values that change."""
        return [
            _double(graph, index)
            if index in variable and graph.tensors[index].type in types
            else int(index)
            for index in indices
        ]

    def bitcasts(sources, targets) -> Iterator:
        for source, target in zip(sources, targets, strict=True):
            if source != target:
                operator = schema.OperatorT()
                operator.opcodeIndex = bitcast_code
                operator.inputs, operator.outputs = [source], [target]
                yield operator

    for operator in list(graph.operators):
        if operator.opcodeIndex not in copies:
            yield operator
            continue
        inputs, outputs = operator.inputs, operator.outputs
        operator.inputs, operator.outputs = doubles(inputs), doubles(outputs)
        yield from bitcasts(inputs, operator.inputs)
        yield operator
        yield from bitcasts(operator.outputs, outputs)


def _double(graph, index: int) -> int:
    tensor = copy(graph.tensors[index])
    tensor.name += b";copy_%d" % len(graph.tensors)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
