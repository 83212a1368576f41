"""`bench encoder fetch`: download a pinned revision and record the checksums that the Hub reports for it.

Only configuration, tokenizer and weights are taken; no file is executed or unpickled.
"""

from __future__ import annotations

from pathlib import Path

from bioreview_bench.encoders.files import SIDE_FILES, TOKENIZER, WEIGHTS, record_path, sha256, side_sha256
from bioreview_bench.encoders.registry import EncoderSpec
from bioreview_bench.errors import EncoderError, InputError
from bioreview_bench.files.atomic import write_json
from bioreview_bench.files.hub import download, revision_files


def fetch(spec: EncoderSpec) -> Path:
    """Download the encoder into the Hub cache, verify every file, record it; returns the folder.

    Raises EncoderError when the Hub refuses or a file differs, InputError for an encoder that is no download.
    """
    if spec.package is not None or spec.repo is None or spec.revision is None:
        raise InputError(f"{spec.id} is not downloaded.", remedy=spec.install)
    remedy = "check the network and, for a gated repository, the token (hf auth login); then run the command again"
    found = revision_files(spec.repo, spec.revision, "model", EncoderError, remedy)
    if found.commit != spec.revision:
        raise EncoderError(
            f"{spec.repo} at {spec.revision} is the commit {found.commit}: a branch or tag can move.",
            remedy=f"bench encoder fetch hf:{spec.repo}@{found.commit}",
        )
    weights = next((name for name in WEIGHTS if name in found.files), None)
    if weights is None or not any(name in found.files for name in TOKENIZER):
        raise EncoderError(
            f"{spec.repo} at {spec.revision[:12]} has no {' or '.join(WEIGHTS)} with a tokenizer.",
            remedy="name another repository",
        )
    names = [name for name in SIDE_FILES if name in found.files]
    paths = {name: download(found, name, EncoderError, remedy) for name in [*names, weights]}
    folder = paths[weights].parent
    record = {
        "repo": spec.repo,
        "revision": spec.revision,
        "weights_file": weights,
        "weights": found.files[weights].sha256 or sha256(paths[weights]),
        "side": side_sha256(folder),
    }
    write_json(record_path(spec.repo, spec.revision), record)
    return folder
