import copy

import pytest
import torch

from constrained_rcnn.modeling import ConstrainedConv2d, project_to_constraint


def violation(weight):
    """Largest deviation from: centre -1, ring sums to 1."""
    weight = weight.double()
    centre = weight[..., 2, 2]
    return max((centre + 1).abs().max(), (weight.sum(dim=(-2, -1)) - centre - 1).abs().max()).item()


def test_projection_satisfies_the_constraint_and_is_the_nearest():
    weight = torch.randn(4, 3, 5, 5, dtype=torch.float64)
    projected = project_to_constraint(weight)
    assert violation(projected) < 1e-12
    assert torch.equal(project_to_constraint(projected).round(decimals=12), projected.round(decimals=12))
    # Orthogonal: the step is constant over the ring, so no other feasible kernel is nearer.
    step = (projected - weight).reshape(4, 3, 25)
    ring = [i for i in range(25) if i != 12]
    assert (step[..., ring] - step[..., ring].mean(-1, keepdim=True)).abs().max() < 1e-12


def test_constant_image_gives_zero_everywhere_also_at_the_border():
    layer = ConstrainedConv2d()
    out = layer(torch.full((1, 3, 9, 11), 200.0))
    assert out.shape == (1, 3, 9, 11)
    assert out.abs().max() < 1e-3  # 200 grey levels times float32 rounding


def test_matches_a_convolution_written_out():
    layer = ConstrainedConv2d()
    image = torch.rand(1, 3, 8, 8) * 255
    kernels = project_to_constraint(layer.weight)
    y, x = 4, 3
    expected = (kernels[1] * image[0, :, y - 2 : y + 3, x - 2 : x + 3]).sum()
    assert torch.allclose(layer(image)[0, 1, y, x], expected, atol=1e-3)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_constraint_holds_after_optimizer_steps_and_the_kernel_learns(optimizer):
    layer = ConstrainedConv2d()
    initial = project_to_constraint(layer.weight).detach().clone()
    steps = optimizer(layer.parameters(), lr=0.1, weight_decay=0.01)
    for _ in range(5):
        steps.zero_grad()
        layer(torch.rand(2, 3, 16, 16)).square().mean().backward()
        steps.step()
    learned = project_to_constraint(layer.weight)
    assert violation(learned) < 1e-6
    assert (learned - initial).abs().max() > 1e-3


def test_constraint_holds_after_loading_any_kernel():
    torch.manual_seed(0)
    layer = ConstrainedConv2d()
    layer.load_state_dict({"weight": torch.rand(3, 3, 5, 5)})
    flat = layer(torch.full((1, 3, 8, 8), 1.0))
    assert flat.abs().max() < 1e-5
    assert violation(project_to_constraint(layer.weight.double())) < 1e-12  # in float32 the sums round by about 1e-6


def test_autocast_does_not_touch_it():
    layer = ConstrainedConv2d()
    image = torch.rand(1, 3, 16, 16) * 255
    plain = layer(image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(image), plain)
    assert torch.equal(layer(image.to(torch.bfloat16).float()), layer(image.to(torch.bfloat16)))
    half = copy.deepcopy(layer).to(torch.bfloat16)
    assert half(image).dtype == torch.float32


def test_torch_compile_gives_the_same():
    layer = ConstrainedConv2d()
    image = torch.rand(1, 3, 16, 16)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(image), layer(image), atol=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(compiled(image), layer(image), atol=1e-5)
    flat = compiled(torch.full((1, 3, 8, 8), 1.0))
    assert flat.abs().max() < 1e-5


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (3, 3)])
def test_tiny_images(size):
    assert ConstrainedConv2d()(torch.rand(1, 3, *size)).shape == (1, 3, *size)


@pytest.mark.parametrize("kernel_size", [1, 4])
def test_bad_kernel_size(kernel_size):
    with pytest.raises(ValueError, match="odd"):
        ConstrainedConv2d(kernel_size=kernel_size)
