import torch

from vggt_ros.model.patch_embed import PatchEmbed


def test_tokens_are_row_major_and_know_only_their_patch():
    embed = PatchEmbed(4, 8)
    images = torch.randn(1, 3, 8, 12)
    changed = images.clone()
    changed[..., 5, 9] += 1  # row 1, column 2 of the patches
    differs = (embed(images) != embed(changed)).any(-1)[0]
    assert differs.tolist() == [False] * 5 + [True]


def test_images_take_the_type_of_the_weights():
    assert PatchEmbed(4, 8).bfloat16()(torch.rand(1, 3, 4, 4)).dtype == torch.bfloat16
