"""What of runner.py can be tested without Spark. Run by the Rust test `python`."""

import datetime
import decimal
import importlib.util
import json
import os
import sys
import tempfile
import unittest

spec = importlib.util.spec_from_file_location("runner", sys.argv.pop(1))
runner = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(runner)

UTC = datetime.timezone.utc


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


class Columns(unittest.TestCase):
    TABLE = [("id", "bigint"), ("price", "decimal(10,2)"), ("Note", "string")]

    def fit(self, query, on_change):
        return runner.Fitted("gold.t", self.TABLE, query, on_change)

    def refusal(self, query, on_change):
        with self.assertRaises(runner.Refused) as caught:
            self.fit(query, on_change)
        return caught.exception.refusal["increment"]

    def test_a_narrower_type_is_cast_and_another_is_refused(self):
        fitted = self.fit([("NOTE", "string"), ("price", "decimal(8,1)"), ("id", "int")], "ignore")
        self.assertEqual(fitted.expressions(), [
            "cast(`id` as bigint) as `id`", "cast(`price` as decimal(10,2)) as `price`", "`NOTE` as `Note`"])
        told = self.refusal([("id", "bigint"), ("price", "double"), ("note", "string")], "ignore")
        self.assertEqual(told, {"types_changed": {
            "table": "gold.t", "differences": ["`price` is `decimal(10,2)`, not `double`"]}})

    def test_what_is_new_or_gone_is_as_the_setting_says(self):
        query = [("id", "bigint"), ("price", "decimal(10,2)"), ("day", "date")]
        self.assertIn("columns_gone", self.refusal(query, "ignore"))
        self.assertEqual(self.refusal(query, "fail"), {"columns_differ": {
            "table": "gold.t", "differences": ["`day` is new", "`Note` is missing"]}})
        appended = self.fit(query, "append_new_columns")
        self.assertEqual((appended.added, appended.dropped), ([("day", "date")], []))
        self.assertEqual(appended.expressions()[2:], ["cast(null as string) as `Note`", "`day` as `day`"])
        synced = self.fit(query, "sync_all_columns")
        self.assertEqual(([name for name, _ in synced.fields], synced.dropped), (["id", "price", "day"], ["Note"]))
        ignored = self.fit(self.TABLE + [("day", "date")], "ignore")
        self.assertEqual((ignored.ignored, ignored.given), (["day"], ["id", "price", "Note"]))

    def test_a_wrong_name_gets_the_one_that_was_meant(self):
        fitted = self.fit(self.TABLE, "ignore")
        self.assertEqual(fitted.column("unique_key", "ID", "gold.t", ["id"]), "id")
        with self.assertRaises(runner.Refused) as caught:
            fitted.column("unique_key", "prise", "gold.t", fitted.given)
        self.assertEqual(caught.exception.refusal["increment"]["no_column"]["meant"], "price")


class Spans(unittest.TestCase):
    def test_spans_begin_and_end_with_their_unit(self):
        between = runner.spans_between("month", at("2024-01-31T10:00"), at("2024-03-01T00:00"))
        self.assertEqual(between, [(at("2024-01-01"), at("2024-02-01")), (at("2024-02-01"), at("2024-03-01"))])
        self.assertEqual(len(runner.spans_between("hour", at("2024-01-01"), at("2024-01-02"))), 24)
        self.assertEqual(runner.spans_between("year", at("2024-05-01"), at("2024-05-01")), [(at("2024-01-01"), at("2025-01-01"))])
        self.assertEqual(runner.span_moved("month", at("2024-01-01"), -1), at("2023-12-01"))

    def test_a_beginning_that_nobody_means_is_refused(self):
        with self.assertRaises(runner.Refused) as caught:
            runner.spans_between("hour", at("1900-01-01"), at("2024-01-01"))
        self.assertIn("too_many_spans", caught.exception.refusal["increment"])

    def test_a_day_is_compared_as_a_day(self):
        span = (at("2024-01-01"), at("2024-01-02"))
        self.assertEqual(runner.span_condition("`d`", "date", span), "(`d` >= DATE '2024-01-01' AND `d` < DATE '2024-01-02')")
        self.assertIn("CAST(`d` AS timestamp) >= TIMESTAMP '2024-01-01 00:00:00'", runner.span_condition("`d`", "string", span))
        hour = (at("2024-01-01T01:00"), at("2024-01-01T02:00"))
        self.assertIn("CAST(`d` AS timestamp)", runner.span_condition("`d`", "date", hour))


class Log(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        os.makedirs(self.folder.name + "/t/_delta_log")
        self.table = runner.Table(runner.Files(), self.folder.name + "/t")
        self.count = 0

    def commit(self, *actions):
        path = "%s/t/_delta_log/%020d.json" % (self.folder.name, self.count)
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(json.dumps(action) for action in actions) + "\n")
        self.count += 1

    def test_a_table_is_read_on_as_its_log_grows(self):
        self.assertFalse(self.table.refresh().is_there)
        built = {"fingerprint": "f", "inputs": {}}
        own = {"version": "1", "run_id": "r", "built": built}
        add = {"path": "a", "size": 7, "stats": '{"numRecords": 3}', "dataChange": True}
        self.commit({"commitInfo": {"operation": "WRITE", "headwater": own}}, {"metaData": {"id": "i"}}, {"add": add},
                    {"txn": {"appId": "x", "version": 4}})
        table = self.table.refresh()
        self.assertEqual((table.version, table.metadata["id"], table.txns), (0, "i", {"x": 4}))
        self.assertEqual(list(table.parts.values()), [(7, 3, "null")])
        self.commit({"commitInfo": {"operation": "OPTIMIZE"}}, {"remove": {"path": "a", "dataChange": False}},
                    {"add": {**add, "path": "b", "dataChange": False}})
        table.refresh()
        self.assertEqual((table.version, list(table.parts)), (1, ["b"]))
        self.assertEqual(table.past()[1], 0, "rows in other files are the same content")
        self.assertEqual(table.built(), built)

    def test_what_spark_wrote_is_read_too(self):
        told = json.dumps({"headwater": {"version": "1", "run_id": "r", "built": None}})
        self.commit({"commitInfo": {"operation": "MERGE", "userMetadata": told}}, {"metaData": {"id": "i"}})
        self.commit({"commitInfo": {"operation": "WRITE", "userMetadata": "not json"}}, {"add": {"path": "a"}})
        provenance, content = self.table.refresh().past()
        self.assertEqual((provenance["run_id"], content), ("r", 1))

    def test_a_table_that_began_anew_is_read_anew(self):
        self.commit({"metaData": {"id": "one"}})
        self.commit({"add": {"path": "a"}})
        self.table.refresh()
        for name in os.listdir(self.folder.name + "/t/_delta_log"):
            os.remove(self.folder.name + "/t/_delta_log/" + name)
        self.count = 0
        self.commit({"metaData": {"id": "two"}})
        table = self.table.refresh()
        self.assertEqual((table.version, table.metadata["id"], table.parts), (0, "two", {}))


class Values(unittest.TestCase):
    def test_a_decimal_is_a_number_where_that_is_exact(self):
        told = lambda text: json.dumps(runner.json_decimal(decimal.Decimal(text)))
        self.assertEqual([told(text) for text in ("1.50", "-0.07", "9223372036854775807", "92233720368547758070", "3.00")],
                         ["1.5", "-0.07", "9223372036854775807", '"92233720368547758070"', "3.0"])
        self.assertEqual(told("0.12345678901234567890"), '"0.12345678901234567890"')

    def test_a_short_number_has_its_own_digits(self):
        self.assertEqual(runner.shortest_float(0.10000000149011612), 0.1)

    def test_rows_are_bags(self):
        self.assertEqual(runner.bags_apart([[1], [1], [2]], [[2], [1], [3]]), ([[1]], [[3]]))
        self.assertEqual(runner.bags_apart([[None]], [["null"]]), ([[None]], [["null"]]))

    def test_a_message_ends_where_the_stack_begins(self):
        self.assertEqual(runner.clean("[A] b\nc\n\nJVM stacktrace:\nx"), "[A] b\nc")


class Graph(unittest.TestCase):
    def job(self, nodes, fails=(), **settings):
        bundle = {"run_id": "r", "relations": [], "threads": 2, "fail_fast": False, "full_refresh": False, **settings}
        bundle["nodes"] = [{"id": id, "name": id, "after": after, "always": always, "actions": [], "relation": None,
                            "fingerprint": "f"} for id, after, always in nodes]

        class Lines:
            def add(self, line):
                pass

        job = runner.Job(bundle, "bundle.json", runner.Files(), Lines())

        def execute(run):
            job.check()
            if run.node["id"] in fails:
                raise runner.Refused({"missing_table": {"table": "a.b"}})
            return "success"

        self.addCleanup(setattr, runner.Run, "execute", runner.Run.execute)
        runner.Run.execute = execute
        job.run()
        return job, {result["id"]: result["status"] for result in job.results}

    NODES = [("a", [], False), ("b", ["a"], False), ("c", ["b"], False), ("d", [], False), ("end", ["a", "b", "c", "d"], True)]

    def test_what_needs_a_failed_node_is_left_out_and_the_rest_is_finished(self):
        job, ended = self.job(self.NODES, fails=("a",))
        self.assertEqual(ended, {"a": "failed", "b": "skipped", "c": "skipped", "d": "success", "end": "success"})
        self.assertEqual(job.status(), "failed")

    def test_a_failed_end_blocks_the_next_one(self):
        nodes = [("a", [], False), ("end", ["a"], True), ("later", ["end"], True)]
        self.assertEqual(self.job(nodes, fails=("end",))[1], {"a": "success", "end": "failed", "later": "skipped"})

    def test_fail_fast_leaves_out_all_that_has_not_begun(self):
        nodes = [("a", [], False), ("b", ["x"], False), ("c", ["b"], False), ("end", ["c"], True)]
        ended = self.job(nodes, fails=("a", "b"), fail_fast=True, threads=1)[1]
        self.assertEqual(ended, {"a": "failed", "b": "skipped", "c": "skipped", "end": "success"})

    def test_when_spark_does_not_start_every_node_says_so(self):
        nodes = [("a", [], False), ("b", ["a"], False)]
        start = runner.Job.__init__

        def failed(job, *arguments):
            start(job, *arguments)
            job.start_failure = runner.NotStarted("no java")

        self.addCleanup(setattr, runner.Job, "__init__", start)
        runner.Job.__init__ = failed
        job, ended = self.job(nodes)
        self.assertEqual(ended, {"a": "failed", "b": "skipped"})
        self.assertEqual(job.results[0]["failure"]["kind"], "start")


if __name__ == "__main__":
    unittest.main()
