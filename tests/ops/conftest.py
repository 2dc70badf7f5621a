"""What tests of operators share."""

from __future__ import annotations

import pytest

from ascua.ir import Op


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> type[Op]:
    """The operator of the file: a relative's file imports tests, and names its own `KIND`."""
    kind: type[Op] = request.module.KIND
    return kind
