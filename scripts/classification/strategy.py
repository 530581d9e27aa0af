"""A strategy against imbalance: class weights, resampling and loss, checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from scripts.common.errors import ConfigError

WEIGHTS = ("none", "balanced", "sqrt", "power", "effective_number")
RESAMPLING = ("none", "over", "under", "smote", "sampler")
LOSSES = ("cross_entropy", "focal")
FOCAL_ALPHA = ("none", "class_weights")


@dataclass(frozen=True)
class Strategy:
    """The settings of one strategy.

    Attributes:
        class_weights: formula of the class weights, one of `WEIGHTS`.
        alpha: exponent of the formula "power", in [0, 1].
        beta: parameter of the formula "effective_number", in [0, 1).
        clip_low: smallest weight of a class, None for no bound.
        clip_high: largest weight of a class, None for no bound.
        resampling: one of `RESAMPLING`.
        target_ratio: rows of the smallest over those of the largest class after resampling, as far
            as `max_repeat` allows, in (0, 1].
        max_repeat: how often one row is used at most, by "over" and "smote" in all, by "sampler"
            on average over epochs.
        loss: one of `LOSSES`.
        gamma: focusing parameter of the focal loss, at least 0.
        focal_alpha: what α is in the focal loss, one of `FOCAL_ALPHA`.
        both_allowed: "yes" where class weights and resampling may act together, else "no".
    """

    class_weights: str = "none"
    alpha: float = 0.5
    beta: float = 0.999
    clip_low: float | None = None
    clip_high: float | None = None
    resampling: str = "none"
    target_ratio: float = 0.3
    max_repeat: int = 20
    loss: str = "cross_entropy"
    gamma: float = 2.0
    focal_alpha: str = "none"
    both_allowed: str = "no"

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any]) -> "Strategy":
        """Return a strategy from its settings; what is not set has the default.

        Args:
            name: the strategy's name, for messages.
            settings: values by the names of the attributes; others (the name's own column, a note)
                are refused.

        Raises:
            ConfigError: a setting is unknown or out of range, or two contradict each other.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(settings.keys() - known)
        if unknown:
            raise ConfigError(
                f"strategy {name}: unknown setting {unknown[0]}; "
                f"allowed: {', '.join(sorted(known))}"
            )
        strategy = cls(**settings)
        complaint = strategy._complaint()
        if complaint is not None:
            raise ConfigError(f"strategy {name}: {complaint}")
        return strategy

    @property
    def weighs(self) -> bool:
        """Whether the loss weighs classes."""
        return self.class_weights != "none"

    def _complaint(self) -> str | None:
        for key, allowed in (
            ("class_weights", WEIGHTS),
            ("resampling", RESAMPLING),
            ("loss", LOSSES),
            ("focal_alpha", FOCAL_ALPHA),
            ("both_allowed", ("yes", "no")),
        ):
            if getattr(self, key) not in allowed:
                return f"{key} = {getattr(self, key)!r}; allowed: {', '.join(allowed)}"
        for key, holds, what in (
            ("alpha", 0 <= self.alpha <= 1, "0 to 1"),
            ("beta", 0 <= self.beta < 1, "0 to 1, without 1"),
            ("target_ratio", 0 < self.target_ratio <= 1, "0 to 1, without 0"),
            ("max_repeat", self.max_repeat >= 1, "1 or more"),
            ("gamma", self.gamma >= 0, "0 or more"),
            ("clip_low", self.clip_low is None or self.clip_low > 0, "above 0"),
            ("clip_high", self.clip_high is None or self.clip_high > 0, "above 0"),
        ):
            if not holds:
                return f"{key} = {getattr(self, key)}; allowed: {what}"
        low, high = self.clip_low, self.clip_high
        if low is not None and high is not None and low > high:
            return f"clip_low = {low} is above clip_high = {high}; exchange them"
        return self._contradiction()

    def _contradiction(self) -> str | None:
        if self.weighs and self.resampling != "none" and self.both_allowed == "no":
            return (
                f"class_weights = {self.class_weights} and resampling = {self.resampling} correct "
                "the same imbalance twice; set one to none, or both_allowed to yes"
            )
        if self.loss == "focal" and self.weighs != (self.focal_alpha == "class_weights"):
            return (
                f"focal_alpha = {self.focal_alpha} and class_weights = {self.class_weights} "
                "contradict each other; α is the class weights, or both are none"
            )
        if self.loss != "focal" and self.focal_alpha != "none":
            return f"focal_alpha = {self.focal_alpha} has no meaning; allowed: only with focal loss"
        return None
