"""VLAD: what an image looks like as one short vector, by which its place is looked up.

Vector of locally aggregated descriptors (Jegou et al., "Aggregating local image descriptors into
compact codes", PAMI 2012; residuals normalized for every word, Arandjelovic and Zisserman, "All
about VLAD", CVPR 2013). The vocabulary is learned from the keyframes of the map itself: nothing is
shipped, and nothing has to fit a camera or a kind of place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Float32, Int, Int8, Int64, UInt8
import numpy as np

from vggt_ros.mapping.refinement.keyframe_features import MAX_FEATURES, unpack_descriptors

_NUM_WORDS = 64
# The vocabulary is learned from so many keyframes, and again when there are so many times more.
MIN_KEYFRAMES = 8
_GROWTH = 8
_MIN_TRAINING_FEATURES, _MAX_TRAINING_FEATURES = 500, 20_000
_ITERATIONS = 12
_SEED = 0
# Rows that are compared at a time: the vectors are bytes, the product is made of floats.
_BLOCK = 256
_EPS = 1e-12
# Of a typical entry; one in ten thousand is cut off.
_BYTES_PER_SIGMA = 32.0


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Typical descriptors, the words.

    Attributes:
        words: (k, 128) their centers.
    """

    words: Float32[np.ndarray, 'k 128']

    def describe(self, descriptors: Float32[np.ndarray, 'n 128']) -> Float32[np.ndarray, ' D']:
        """Return VLAD of an image: (128 k,) of length 1, or zeros of an image without features."""
        word = _nearest(descriptors, self.words)
        is_word = np.zeros((len(self.words), len(descriptors)), np.float32)
        is_word[word, np.arange(len(descriptors))] = 1.0
        residuals = is_word @ descriptors - is_word.sum(axis=1, keepdims=True) * self.words
        residuals /= np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), _EPS)
        vector = np.sign(residuals) * np.sqrt(np.abs(residuals))
        return (vector / max(float(np.linalg.norm(vector)), _EPS)).ravel()


def learn_vocabulary(descriptors: Float32[np.ndarray, 'n 128']) -> Vocabulary:
    """Return the words that describe descriptors best: k-means, the same for the same descriptors.

    Args:
        descriptors: (n, 128) of several images, at least one; more than 20,000 are subsampled.
    """
    step = -(-len(descriptors) // _MAX_TRAINING_FEATURES)
    sample = descriptors[::step]
    rng = np.random.default_rng(_SEED)
    words = sample[rng.choice(len(sample), min(_NUM_WORDS, len(sample)), replace=False)]
    for _ in range(_ITERATIONS):
        word = _nearest(sample, words)
        order = np.argsort(word, kind='stable')
        used, starts, counts = np.unique(word[order], return_index=True, return_counts=True)
        # A word that nothing is near to stays where it was.
        words = words.copy()
        words[used] = np.add.reduceat(sample[order], starts) / counts[:, None]
    return Vocabulary(words)


class VladIndex:
    """VLAD of stored keyframes, in the order in which they came: 8 kB each.

    Attributes:
        vocabulary: The words, None as long as there are too few keyframes to learn them from.
    """

    def __init__(self) -> None:
        self.vocabulary: Vocabulary | None = None
        self._keyframes: list[UInt8[np.ndarray, 'n 128']] = []
        self._vectors: list[Int8[np.ndarray, ' D']] = []
        self._squares: list[float] = []
        self._sum: Int64[np.ndarray, ' D'] = np.zeros(1, np.int64)
        self._learn_at = MIN_KEYFRAMES

    def __len__(self) -> int:
        """Return the number of keyframes."""
        return len(self._keyframes)

    def clear(self) -> None:
        """Forget all keyframes, and the words."""
        self.vocabulary = None
        self._learn_at = MIN_KEYFRAMES
        self._keyframes.clear()
        self._refill([])

    def add(self, descriptors: UInt8[np.ndarray, 'n 128']) -> None:
        """Append a keyframe; now and then the words are learned again.

        Args:
            descriptors: (n, 128) of its features, packed as in `KeyframeFeatures`; n may be 0.
        """
        self._keyframes.append(descriptors)
        if len(self._keyframes) >= self._learn_at:
            self._learn()
        elif self.vocabulary is not None:
            self._append(_vector(self.vocabulary, unpack_descriptors(descriptors)))

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all keyframes but some.

        Args:
            rows: Ascending numbers of those that stay.
        """
        self._keyframes = [self._keyframes[row] for row in rows]
        if self.vocabulary is not None:
            self._refill([self._vectors[row] for row in rows])

    def similarities(
        self, descriptors: UInt8[np.ndarray, 'm 128']
    ) -> Float[np.ndarray, ' n'] | None:
        """Return how alike an image and every keyframe look: cosines about the mean of all.

        Args:
            descriptors: (m, 128) of the image, packed.

        Returns:
            (n,) or None as long as there is no vocabulary.
        """
        if self.vocabulary is None or not self._vectors:
            return None
        # What all images of a place have in common says nothing about where they were taken.
        mean = (self._sum / len(self._vectors)).astype(np.float32)
        query = _vector(self.vocabulary, unpack_descriptors(descriptors)).astype(np.float32) - mean
        both = np.stack([query, mean], axis=1)
        blocks = [
            np.stack(self._vectors[start : start + _BLOCK]).astype(np.float32) @ both
            for start in range(0, len(self._vectors), _BLOCK)
        ]
        with_query, with_mean = np.concatenate(blocks).astype(np.float64).T
        products = with_query - float(mean @ query)
        squares = np.array(self._squares) - 2.0 * with_mean + float(mean @ mean)
        lengths = np.sqrt(np.maximum(squares, 0.0)) * float(np.linalg.norm(query))
        return products / np.maximum(lengths, _EPS)

    def _append(self, vector: Int8[np.ndarray, ' D']) -> None:
        wide = vector.astype(np.int64)
        self._vectors.append(vector)
        self._squares.append(float(wide @ wide))
        self._sum = self._sum + wide

    def _refill(self, vectors: Sequence[Int8[np.ndarray, ' D']]) -> None:
        self._vectors, self._squares, self._sum = [], [], np.zeros(1, np.int64)
        for vector in vectors:
            self._append(vector)

    def _learn(self) -> None:
        share = max(1, len(self._keyframes) * MAX_FEATURES // _MAX_TRAINING_FEATURES)
        descriptors = unpack_descriptors(
            np.concatenate([keyframe[::share] for keyframe in self._keyframes])
        )
        if len(descriptors) < _MIN_TRAINING_FEATURES:
            self._learn_at = len(self._keyframes) + MIN_KEYFRAMES
            return
        vocabulary = learn_vocabulary(descriptors)
        self._refill([_vector(vocabulary, unpack_descriptors(each)) for each in self._keyframes])
        self.vocabulary = vocabulary
        self._learn_at = _GROWTH * len(self._keyframes)


def _vector(
    vocabulary: Vocabulary, descriptors: Float32[np.ndarray, 'n 128']
) -> Int8[np.ndarray, ' D']:
    vector = vocabulary.describe(descriptors)
    scaled = _BYTES_PER_SIGMA * np.sqrt(len(vector)) * vector
    return np.clip(np.rint(scaled), -127, 127).astype(np.int8)


def _nearest(
    descriptors: Float32[np.ndarray, 'n 128'], words: Float32[np.ndarray, 'k 128']
) -> Int[np.ndarray, ' n']:
    return np.argmax(descriptors @ words.T - 0.5 * (words**2).sum(axis=1), axis=1)
