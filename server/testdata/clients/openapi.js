// Validates the document at OPENAPI_URL against the schema of its OpenAPI version.
import { Validator } from '@seriousme/openapi-schema-validator';

const validator = new Validator();
const result = await validator.validate(await (await fetch(process.env.OPENAPI_URL)).json());
if (!result.valid || validator.version !== '3.1') {
  console.error(validator.version, JSON.stringify(result.errors, null, 1));
  process.exit(1);
}
validator.resolveRefs(); // every $ref names something
console.log(`OpenAPI ${validator.version}: ${Object.keys(validator.specification.paths).length} paths are valid`);
