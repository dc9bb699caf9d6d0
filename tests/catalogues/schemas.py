"""Each schema of a catalogue is one, and the golden samples of the locks fit that of their version."""

import json
import pathlib
import sys

import jsonschema

Validator = jsonschema.Draft7Validator
schemas, samples = {}, 0
for catalogue in sys.argv[1:]:
    for path in sorted(pathlib.Path(catalogue, "schemas").glob("*.json")):
        schema = json.loads(path.read_text())
        assert schema["$schema"] == Validator.META_SCHEMA["$schema"], path
        Validator.check_schema(schema)
        schemas[catalogue, path.name] = Validator(schema)

# The locks stand beside the catalogue of the shop.
shop = pathlib.Path(sys.argv[1])
for path in sorted(shop.parent.glob("*.golden/*.json")):
    validator = schemas[str(shop), path.name]
    for case in json.loads(path.read_text())["cases"]:
        validator.validate(case["sample"])
        samples += 1
        # The control: a field of another type.
        for field in case["sample"]:
            wrong = case["sample"] | {field: {"of": "another type"}}
            assert not validator.is_valid(wrong), f"{path}: {field} may be anything"

try:
    Validator.check_schema({"type": "nothing"})
except jsonschema.SchemaError:
    pass
else:
    sys.exit("the control is no schema, and was not refused")
assert len(schemas) > 10 and samples > 5, (len(schemas), samples)
print(f"{len(schemas)} schemas are valid, {samples} golden samples fit them")
