"""A dbt project's models for a tool that is not dbt: rendered and in order.

Knows as much of dbt as the examples need: `ref`, `source`, `var`, `config`, `is_incremental` (never, as every build is a
first one), macros, and settings by folder. The views that only look at loads are left out.
"""

from dataclasses import dataclass
from pathlib import Path

import jinja2
import yaml


@dataclass
class Model:
    name: str
    schema: str
    materialized: str
    sql: str
    reads: list


class Project:
    def __init__(self, folder, relation):
        self.folder = Path(folder)
        self.relation = relation  # a schema and a name to how the tool writes them
        settings = self.folder / "dbt_project.yml"
        self.settings = yaml.safe_load(settings.read_text()) if settings.exists() else {}
        environment = yaml.safe_load((self.folder / "headwater.yml").read_text())
        self.vars = {**environment.get("vars", {}), **self.settings.get("vars", {})}
        self.macros = "".join(
            file.read_text()
            for file in sorted(self.folder.glob("macros/**/*.sql"))
            if file.stem != "generate_schema_name"
        )
        self.sources = self.read_sources()
        self.seeds = {file.stem: file for file in self.folder.glob("seeds/*.csv")}
        self.files = {
            file.stem: file
            for file in sorted(self.folder.glob("models/**/*.sql"))
            if file.parent.name != "monitoring"
        }

    def read_sources(self):
        """The schema and the name of each table of a source."""
        sources = {}
        for file in self.folder.glob("models/**/*.yml"):
            for source in (yaml.safe_load(file.read_text()) or {}).get("sources", []):
                schema = source.get("schema", file.parent.name)
                for table in source["tables"]:
                    sources[source["name"], table["name"]] = (schema, table["name"])
        return sources

    def layer(self, file):
        """The schema, which is the folder's name unless a setting says another, and how the models are kept."""
        name = file.parent.name
        settings = self.settings.get("models", {}).get(self.settings.get("name"), {}).get(name, {})
        return settings.get("+schema", name), settings.get("+materialized", "view")

    def schema(self, name):
        return "seeds" if name in self.seeds else self.layer(self.files[name])[0]

    def render(self, name):
        file = self.files[name]
        schema, materialized = self.layer(file)
        config, reads = {}, []

        def ref(other):
            reads.append(other)
            return self.relation(self.schema(other), other)

        environment = jinja2.Environment()
        environment.globals.update(
            ref=ref,
            source=lambda source, table: self.relation(*self.sources[source, table]),
            var=lambda key, default=None: self.vars.get(key, default),
            config=lambda **settings: config.update(settings) or "",
            is_incremental=lambda: False,
            this=self.relation(schema, name),
        )
        sql = environment.from_string(self.macros + file.read_text()).render().strip()
        materialized = config.get("materialized", materialized)
        return Model(name, schema, "view" if materialized == "view" else "table", sql, reads)

    def models(self):
        """Every model, each after all that it reads."""
        waiting = {name: self.render(name) for name in self.files}
        done = []
        while waiting:
            ready = [name for name, model in waiting.items() if not any(read in waiting for read in model.reads)]
            if not ready:
                raise SystemExit(f"models in a circle: {sorted(waiting)}")
            done += [waiting.pop(name) for name in ready]
        return done
