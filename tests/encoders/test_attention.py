import torch

from bowerbird.encoders.attention import Block, Dropout, Network
from bowerbird.encoders.batches import DISTANCES, GAPS
from bowerbird.encoders.lesson import Shape

SHAPE = Shape(dim=8, blocks=2, heads=2, max_len=17, dropout=0.0, context=0)


def test_dropout_leaves_the_mean_and_forgets_the_share_it_is_told():
    torch.manual_seed(0)
    out = Dropout(0.25)(torch.ones(1_000, 1_001))  # no whole number of eights
    assert abs((out == 0).float().mean().item() - 0.25) < 2e-3
    assert set(out.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert abs(out.mean().item() - 1) < 3e-3
    columns = (out == 0).float().mean(dim=0)  # alike at each of the eight places of a number
    assert (columns - 0.25).abs().max() < 0.08


def test_dropout_is_the_same_for_the_same_seed_and_nothing_outside_of_training():
    x, drop = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)), Dropout(0.5)
    torch.manual_seed(1)
    first, second = drop(x), drop(x)
    torch.manual_seed(1)
    assert torch.equal(drop(x), first) and not torch.equal(first, second)
    assert drop.eval()(x) is x and Dropout(0.0)(x) is x


def test_a_bias_is_the_sum_of_its_distance_and_its_gap():
    block = Block(SHAPE)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        block.distance.normal_(generator=rng)
        block.gap.normal_(generator=rng)
    both, alone = block.biases(dated=True), block.biases(dated=False)
    assert both.shape == (DISTANCES * GAPS + 1, 2) and alone.shape == (DISTANCES + 1, 2)
    torch.testing.assert_close(both[3 * GAPS + 5], block.distance[3] + block.gap[5])
    torch.testing.assert_close(alone[3], block.distance[3])
    assert (both[-1] < -1e8).all() and (alone[-1] < -1e8).all()


def test_what_comes_later_changes_nothing_before_it():
    network = Network(SHAPE).eval()
    x = torch.randn(2, 18, 8, generator=torch.Generator().manual_seed(0))
    gaps = torch.randint(0, GAPS, (2, 18, 18), generator=torch.Generator().manual_seed(1))
    other = x.clone()
    other[:, 10:, 0] += 1
    for given in (gaps, None):
        before, after = network(x, given, None, None), network(other, given, None, None)
        torch.testing.assert_close(before[:, :10], after[:, :10])
        assert not torch.allclose(before[:, 10:], after[:, 10:])
