"""SegET is figure 2."""

from __future__ import annotations

from seget.networks import SegET

# Convolutions of each block in their order, in the words of the fixture `figure`.
FIGURE_2 = {
    "encoders.0": "1>16:64 16>16:64 16>8:64 16>16:32",
    "encoders.1": "16>32:32 32>32:32 32>16:32 32>32:16",
    "encoders.2": "32>64:16 64>64:16 64>32:16 64>64:8",
    "encoders.3": "64>128:8 128>128:8 128>64:8 128>128:4",
    "center": "128>256:4 256>256:4 256>64:4 256>64@2:4 256>64@4:4 256>64@8:4 512>256,1x1:4",
    "decoders.0": "320>128:8 128>128:8",
    "decoders.1": "160>64:16 64>64:16",
    "decoders.2": "80>32:32 32>32:32",
    "decoders.3": "40>16:64 16>16:64",
    "fusion": "128>16,1x1:8 64>16,1x1:16 32>16,1x1:32 48>32:32 32>16:32 32>16:64 16>16:64",
    "head": "16>1,1x1:64",
}


def test_the_convolutions_are_those_of_figure_2(figure):
    assert figure(SegET().eval()) == FIGURE_2


def test_nothing_is_pooled_nothing_squashed_and_each_convolution_normalised(operations):
    number = sum(len(words.split()) for words in FIGURE_2.values())
    assert operations(SegET().eval()) == "cbr" * (number - 1) + "c"
