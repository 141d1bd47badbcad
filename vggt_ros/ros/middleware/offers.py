"""Publisher offers: which quality of service to ask for, so that every publisher is heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a publisher offers, or what a subscription asks for.

    Attributes:
        is_reliable: Messages that do not get through are sent again.
        is_latched: Who comes late gets the last messages (transient local).
    """

    is_reliable: bool
    is_latched: bool


# Before a publisher is known. Most are reliable; one that is not sends nothing to a subscription
# that asks for this, and so it can be replaced without a message on its way.
FIRST = Offer(is_reliable=True, is_latched=False)


def requests_for(
    offers: Iterable[Offer], current: Iterable[Offer], reliability: str, durability: str
) -> frozenset[Offer]:
    """Return what to ask for: one subscription for each of them.

    A subscription that asks for less than a publisher offers gets less: images in many pieces of
    which one is missing, no message from before. One that asks for more gets nothing. So each
    kind of publisher gets a subscription of its own; what two of them hear is heard twice.

    rclpy's BEST_AVAILABLE is not used: it looks at the publishers once, takes one answer for all
    of them, and asks for everything while there are none.

    Args:
        offers: Of the publishers that are known.
        current: What is asked for at present; kept while no publisher is known, because the one
            that went usually comes back.
        reliability: `input.qos_reliability`: auto, best_effort or reliable.
        durability: `input.qos_durability`: auto, volatile or transient_local.
    """
    wanted = frozenset(offers) or frozenset(current) or frozenset((FIRST,))
    if reliability != 'auto':
        wanted = frozenset(replace(each, is_reliable=reliability == 'reliable') for each in wanted)
    if durability != 'auto':
        is_latched = durability == 'transient_local'
        wanted = frozenset(replace(each, is_latched=is_latched) for each in wanted)
    return wanted
