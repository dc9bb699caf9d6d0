// The AsyncAPI documents of the catalogues are valid for the parser of the standard.
import { Parser } from '@asyncapi/parser';
import { readFileSync } from 'node:fs';

const parser = new Parser();
const ERROR = 0;

const errors = async (text) => {
  const { document, diagnostics } = await parser.parse(text);
  const found = diagnostics.filter((one) => one.severity === ERROR);
  return { document, found };
};

for (const path of process.argv.slice(2)) {
  const text = readFileSync(path, 'utf8');
  const { document, found } = await errors(text);
  if (!document || found.length > 0) throw new Error(`${path}: ${JSON.stringify(found)}`);
  // The control: what every document must have.
  const broken = JSON.parse(text);
  delete broken.info.version;
  if ((await errors(JSON.stringify(broken))).found.length === 0) throw new Error(`${path}: the control is valid`);
  console.log(`${path}: AsyncAPI ${document.version()}, ${document.messages().all().length} messages`);
}
