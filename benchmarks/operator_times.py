"""Where an exported file's time goes, operator by operator, on one thread."""

import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np


def onnx_operator_times(path: Path, waveform: np.ndarray, repetitions: int = 10):
    """(operator and node name, best seconds) of every node, by ONNX Runtime's own profiler."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        for _ in range(repetitions):
            session.run(None, {"waveform": waveform})
        events = json.loads(Path(session.end_profiling()).read_text())
    times = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            node = event["name"].removesuffix("_kernel_time")
            times[f"{event['args']['op_name']} {node}"].append(event["dur"] / 1e6)
    return [(name, min(durations)) for name, durations in times.items()]


def tflite_operator_times(path: Path, waveform: np.ndarray, repetitions: int = 5):
    """(operator and position, seconds) of every operator of a TFLite file.

    LiteRT's Python interpreter has no profiler. An operator's time is what the file cut off after
    it takes longer than the file cut off before it; where that cut splits what the delegate would
    run as one, neighbours share the difference.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    graph, model.signatureDefs = model.subgraphs[0], None
    operators, outputs = graph.operators, {int(tensor) for tensor in graph.outputs}
    times, before = [], 0.0
    for count, operator in enumerate(operators, 1):
        made = {int(tensor) for done in operators[:count] for tensor in done.outputs}
        needed = {int(tensor) for later in operators[count:] for tensor in later.inputs}
        graph.operators, graph.outputs = operators[:count], sorted(made & (needed | outputs))
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        interpreter = Interpreter(model_content=bytes(builder.Output()), num_threads=1)
        (detail,) = interpreter.get_input_details()
        interpreter.resize_tensor_input(detail["index"], waveform.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(detail["index"], waveform)
        interpreter.invoke()
        best = min(_processor_time(interpreter.invoke) for _ in range(repetitions))
        code = model.operatorCodes[operator.opcodeIndex]
        kind = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        times.append((f"{kind} {count - 1}", best - before))
        before = best
    return times


def _processor_time(run) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start
