"""SASRec and eSASRec of RecTools, trained for a number of epochs; no validation, no early stop."""

import logging
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import torch
from handing import Stopwatch, Task, hand_back, task
from pytorch_lightning import Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel
from rectools.models.nn.transformers.ligr import LiGRLayers

ESASREC = {"transformer_layers_type": LiGRLayers, "use_key_padding_mask": True}
"""What its authors change: the layers, and padding is not looked at."""


def trainer(epochs: int) -> Trainer:
    """On the processor; nothing is logged, kept or shown."""
    return Trainer(
        max_epochs=epochs,
        min_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=Path.cwd(),
    )


def events(path: Path) -> Dataset:
    """Their data set; the order of the file is the order of time."""
    table = pl.read_parquet(path, columns=["user", "item"])
    frame = pd.DataFrame(
        {
            Columns.User: table["user"].to_numpy(),
            Columns.Item: table["item"].to_numpy(),
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(range(table.height), unit="s"),
        }
    )
    return Dataset.construct(frame)


def model_of(task: Task) -> SASRecModel:
    """With a softmax over drawn items, as both are in the paper on eSASRec."""
    settings: dict[str, Any] = dict(task.settings)
    epochs = settings.pop("epochs")
    return SASRecModel(
        loss="sampled_softmax",
        epochs=epochs,
        recommend_torch_device="cpu",
        get_trainer_func=trainer,
        get_trainer_func_kwargs={"epochs": epochs},
        **(ESASREC if task.model == "esasrec" else {}),
        **settings,
    )


def main() -> None:
    """Fit, list, hand back."""
    asked = task(__doc__ or "", ("sasrec", "esasrec"))
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(asked.threads)
    seed_everything(asked.seed, verbose=False)
    watch = Stopwatch()
    model = model_of(asked)
    model.fit(events(asked.past))
    facts = {"fit seconds": watch.lap()}
    history = events(asked.history)
    users = history.user_id_map.external_ids
    lists = model.recommend(
        users, history, asked.k, filter_viewed=True, on_unsupported_targets="warn"
    )
    facts["recommend seconds"] = watch.lap()
    learned = model.data_preparator.train_dataset.interactions.df
    asked_for = len(learned) - learned[Columns.User].nunique()  # nothing leads to a first event
    facts |= {"epochs": asked.settings["epochs"]}
    facts |= {"tokens": asked_for * facts["epochs"], "tokens an epoch": asked_for}
    names = {"user": Columns.User, "item": Columns.Item, "rank": Columns.Rank}
    table = pl.DataFrame({name: lists[theirs].to_numpy() for name, theirs in names.items()})
    hand_back(asked, table, facts, ["rectools", "torch", "pytorch-lightning", "numpy"])


if __name__ == "__main__":
    main()
