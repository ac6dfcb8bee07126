"""What the witnesses say of an image that detection has just looked at: nothing is computed twice."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial

from ...evidence import Finding
from ...evidence import copy_move as copy_move_witness
from ...evidence.examination import ask
from ...evidence.exhibit import Exhibit
from ...evidence.registry import WITNESSES, Witness
from ...images.reading import MAX_PIXELS
from ...inference.result import ManipulationResult
from ..evidence.options import NETWORK, EvidenceOptions
from . import network_witness


@dataclass(frozen=True)
class EvidenceMaker:
    """Asks witnesses about images; can be pickled.

    Attributes:
        options: who is asked.
        weights: SHA-256 of the checkpoint, for the network's facts.
        max_pixels: larger images are refused.
    """

    options: EvidenceOptions
    weights: str = ""
    max_pixels: int = MAX_PIXELS

    def __call__(self, data: bytes, page: int | None, result: ManipulationResult) -> list[Finding]:
        """
        Args:
            data: the file's content.
            page: of it; None: the first.
            result: of detection in it.

        Returns:
            A finding for each witness that is asked, in the order of the sheet. None of them raises anything.
        """
        names = self.options.witnesses
        findings = self._of_file(data, page, result) if set(names) - {NETWORK} else []
        if NETWORK in names:
            findings.append(self._of_network(result))
        return findings

    def _of_file(self, data: bytes, page: int | None, result: ManipulationResult) -> list[Finding]:
        witnesses = [_with_matches(WITNESSES[name], result) for name in self.options.witnesses if name != NETWORK]
        try:
            exhibit = Exhibit.read(data, page=page, max_pixels=self.max_pixels)
        except Exception as error:  # the witnesses cannot look; the network has looked
            exhibit, witnesses = None, [_failing(witness, error) for witness in witnesses]
        return [ask(witness, exhibit) for witness in witnesses]

    def _of_network(self, result: ManipulationResult) -> Finding:
        witness = Witness(
            NETWORK, lambda _: network_witness.observe(result, self.weights), network_witness.TITLE,
            network_witness.EXAMINED, network_witness.LOOK_FOR, network_witness.IGNORE, network_witness.INNOCENT,
        )  # fmt: skip
        return network_witness.with_rates(ask(witness, None), result)


def _with_matches(witness: Witness, result: ManipulationResult) -> Witness:
    """Copy-move's witness with the pairs that detection has found; every other one as it is."""
    if witness.name != "copy_move" or result.duplicated_regions is None:
        return witness
    return dataclasses.replace(witness, observe=partial(copy_move_witness.observe, pairs=result.duplicated_regions))


def _failing(witness: Witness, error: Exception) -> Witness:
    def observe(exhibit: Exhibit) -> None:
        raise error

    return dataclasses.replace(witness, observe=observe)
