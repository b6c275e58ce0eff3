"""What may be sent: inputs that contradict themselves, or each other, are wrong calls. Needs no courier."""

import io
import os
import tempfile
import unittest
from pathlib import Path

from drive_courier import Client, CourierError
from drive_courier._many_listing import Listed, Selection, list_all
from drive_courier._sources import open_source


class SizeTest(unittest.TestCase):
    def test_one_that_differs_from_the_known_size_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.csv")
            Path(path).write_bytes(b"abc")
            for size in (2, 4, -1, 3.0, "3", True):
                for given in (b"abc", io.BytesIO(b"abc"), path):
                    with self.assertRaises(CourierError) as caught:
                        open_source(given, size)
                    self.assertEqual(caught.exception.code, "usage", (given, size))
            for given in (b"abc", io.BytesIO(b"abc"), path):
                source = open_source(given, 3)
                self.assertEqual(source.size, 3)
                source.close()

    def test_one_of_a_stream_that_is_no_length_is_an_error(self):
        for size in (-1, 3.0, "3", True):
            with self.assertRaises(CourierError) as caught:
                open_source(iter([b"abc"]), size)
            self.assertEqual(caught.exception.code, "usage", size)

    def test_one_of_another_type_of_whole_numbers_is_taken(self):
        class Int64:
            """Like `numpy.int64`, which is no `int`."""

            def __index__(self):
                return 3

        for given in (b"abc", io.BytesIO(b"abc"), iter([b"abc"])):
            source = open_source(given, Int64())
            self.assertIs(type(source.size), int)
            self.assertEqual(source.size, 3)
            source.close()


class PropertiesTest(unittest.TestCase):
    def test_keys_and_values_are_text(self):
        client = Client("https://courier.example", id_token=lambda audience: "token")
        for properties in ({"order": 1}, {1: "order"}, {"order": None}, [("order", "1")]):
            with self.assertRaises(CourierError) as caught:
                client.send(b"x", name="a", properties=properties)
            self.assertEqual(caught.exception.code, "usage", properties)


class ManyTest(unittest.TestCase):
    def listed(self, *inputs):
        found = list_all(inputs, Selection(False, False, None), "", None)
        return [each.target.path if isinstance(each, Listed) else each.error.code for each in found]

    def test_inputs_with_one_path_in_drive_are_sent_once_or_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            first, second = os.path.join(folder, "a.csv"), os.path.join(folder, "x", "a.csv")
            os.mkdir(os.path.dirname(second))
            for path in (first, second):
                Path(path).write_bytes(b"1")
            again = os.path.join(folder, "x", "..", "a.csv")
            self.assertEqual(self.listed(first, first, again), ["a.csv"])
            self.assertEqual(self.listed(first, second), ["a.csv", "path-taken"])
            self.assertEqual(self.listed((first, "b.csv"), (b"2", "b.csv")), ["b.csv", "path-taken"])
            # Bytes have no path of their own: the same path in Drive does not make them the same file.
            self.assertEqual(self.listed((b"1", "a.csv"), (b"2", "a.csv")), ["a.csv", "path-taken"])

    def test_a_pair_of_something_else_is_a_wrong_call(self):
        for pair in ((5, "a.csv"), (None, "a.csv"), (b"1", None), (b"1", "a", "b")):
            with self.assertRaises(CourierError) as caught:
                self.listed(pair)
            self.assertEqual(caught.exception.code, "usage", pair)


if __name__ == "__main__":
    unittest.main()
