import numpy as np
import pytest

import zoo
from training.models import build_model
from training.recipe_tables import ModelRecipe
from zoo.errors import InputError


def test_a_new_network_takes_weights_from_one_with_another_front_end(tmp_path):
    source = zoo.JanssonUNet(filters=(2, 3), front_end=zoo.FrontEnd(frames=8))
    source.set_weights([w + np.float32(0.5) for w in source.get_weights()])
    source.save_to_preset(tmp_path / "source")
    front_end = zoo.FrontEnd(sample_rate=16000, frame_step=256, bins=496, frames=16)

    def built(**table):
        return build_model(ModelRecipe(weights=str(tmp_path / "source"), **table), front_end)

    model = built(network="JanssonUNet", arguments={"filters": [2, 3]}, dtype="mixed_bfloat16")
    assert model.front_end == front_end
    assert model.get_layer("encoder_2_conv").compute_dtype == "bfloat16"
    for ours, theirs in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert source.get_weights()[0].min() > 0

    with pytest.raises(
        InputError, match=r"encoder_2_conv/kernel has shape \(5, 5, 2, 3\), the net"
    ):
        built(network="JanssonUNet", arguments={"filters": [2, 4]})
    with pytest.raises(InputError, match="encoder_3_conv/kernel has shape none, the network's"):
        built(network="JanssonUNet", arguments={"filters": [2, 3, 4]})
    with pytest.raises(InputError, match="JanssonUNet, and the network is UNet"):
        built(network="UNet")
