"""Every member in the hand-written types exists in the live TensorRT."""

import ast
from pathlib import Path

import pytest

STUB = Path(__file__).resolve().parents[1] / 'typings' / 'tensorrt.pyi'


def declared_members() -> list[str]:
    members: list[str] = []

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                members.append(prefix + node.name)
                visit(node.body, f'{prefix}{node.name}.')
            elif isinstance(node, ast.FunctionDef):
                members.append(prefix + node.name)
            elif isinstance(node, ast.AnnAssign):
                members.append(prefix + ast.unparse(node.target))
            elif isinstance(node, ast.Assign):
                members.append(prefix + ast.unparse(node.targets[0]))

    visit(ast.parse(STUB.read_text()).body, '')
    return members


def exists(place: object, member: str) -> bool:
    for name in member.split('.'):
        if not hasattr(place, name):
            return False
        place = getattr(place, name)
    return True


@pytest.mark.parametrize('module', ['tensorrt', 'tensorrt_rtx'])
def test_members_exist(module: str) -> None:
    live = pytest.importorskip(module, reason=f'{module} is not installed', exc_type=ImportError)
    assert [member for member in declared_members() if not exists(live, member)] == []
