"""Runs a model on one image and notes every intermediate result that the golden files hold."""

from __future__ import annotations

import numpy as np
import torch


def run(model, pixels: np.ndarray) -> tuple[dict, dict]:
    """Runs a released model in evaluation mode.

    Args:
        model: of a ``*_tensorflow.yaml`` config.
        pixels: (H, W, 3) uint8, BGR.

    Returns:
        The model's result, and arrays by the golden files' names: maps (1, h, w, C), the rest as there.
    """
    seen, hooks = {}, []

    def note(name, module, change=lambda value: value, source="output"):
        def hook(_, inputs, output):
            seen.setdefault(name, []).append(change(output if source == "output" else inputs[0]).detach().float().cpu())

        hooks.append(module.register_forward_hook(hook))

    heads, rpn = model.roi_heads, model.proposal_generator
    note("blob", model.backbone.constrained_conv, source="input")
    note("constrained", model.backbone.constrained_conv)
    note("C1", model.backbone.stem)
    for stage in (2, 3, 4):
        note(f"C{stage}", getattr(model.backbone, f"res{stage}"))
    note("rpn_conv", rpn.conv, torch.relu)
    note("mlp", rpn.attention.mlp, torch.relu)
    note("spatial_attention", rpn.attention.spatial, torch.sigmoid)
    note("rpn_cbam", rpn.attention)
    note("objectness", rpn.rpn_head.objectness_logits)
    note("rpn_bbox_pred", rpn.rpn_head.anchor_deltas)
    note("pool5", heads.res5, source="input")
    note("fc7", heads.res5)
    note("cls_score", heads.box_predictor.cls_score)
    note("bbox_pred", heads.box_predictor.bbox_pred)
    note("fused", heads.mask_fusion)
    note("mask_pool5", heads.mask_res5, source="input")
    note("mask_fc7", heads.mask_res5)
    note("mask_deconv", heads.mask_predictor.upsample)
    note("mask_conv_bn", heads.mask_predictor.norm[0])
    note("mask_bn2", heads.mask_predictor.norm[1])
    note("mask_logits", heads.mask_predictor)
    proposals = []
    hooks.append(rpn.register_forward_hook(lambda _, inputs, output: proposals.append(output[0][0])))
    image = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    item = {"image": image, "height": pixels.shape[0], "width": pixels.shape[1]}
    try:
        with torch.no_grad():
            (raw,) = model.inference([item], do_postprocess=False)
            first = {name: torch.cat(values).numpy() for name, values in seen.items()}
            (result,) = model([item])
    finally:
        for hook in hooks:
            hook.remove()
    return result, _as_in_the_golden_files(first, raw, proposals[0], model)


def _as_in_the_golden_files(seen: dict, raw, proposals, model) -> dict:
    """Renames, puts channels last, and undoes the converter's reordering of channels and classes."""
    maps = {k: v.transpose(0, 2, 3, 1) for k, v in seen.items() if v.ndim == 4}
    out = {**{k: v for k, v in seen.items() if v.ndim != 4}, **maps}
    out["channel_attention"] = 1 / (1 + np.exp(-out.pop("mlp").sum(axis=0, keepdims=True)))
    out["spatial_attention"] = out["spatial_attention"][0, :, :, 0]
    ratio_outside = [3 * scale + ratio for ratio in range(3) for scale in range(4)]
    foreground = 1 / (1 + np.exp(-out.pop("objectness")[..., ratio_outside].astype(np.float64)))
    out["rpn_cls_prob"] = np.concatenate([1 - foreground, foreground], axis=-1)
    deltas = out["rpn_bbox_pred"]
    deltas = deltas.reshape(*deltas.shape[:-1], 12, 4)[..., ratio_outside, :]
    out["rpn_bbox_pred"] = deltas.reshape(out["rpn_bbox_pred"].shape)
    out["rois"] = proposals.proposal_boxes.tensor.numpy()
    out["roi_scores"] = proposals.objectness_logits.sigmoid().numpy()
    # Released order: authentic, splice, removal, copy-move; ours: splice, copy-move, removal, authentic.
    out["cls_score"] = out["cls_score"][:, [3, 0, 2, 1]]
    out["cls_prob"] = torch.from_numpy(out["cls_score"]).softmax(dim=1).numpy()
    weights = np.array(model.roi_heads.box_predictor.box2box_transform.weights)
    # The released layout begins with deltas of "authentic", which nothing reads.
    out["bbox_pred"] = (out["bbox_pred"].reshape(-1, 3, 4) / weights)[:, [0, 2, 1]].reshape(-1, 12)
    out["det_boxes"] = raw.pred_boxes.tensor.numpy()
    out["scores"], out["classes"] = raw.scores.numpy(), np.array([1, 3, 2])[raw.pred_classes.numpy()]
    out["mask_fg"] = raw.pred_masks[:, 0].numpy()
    out["mask_logits"] = out["mask_logits"][..., 0]
    out["fc7_mean"] = out.pop("fc7").mean(axis=(1, 2))
    return out
