// Reads objects of KEDA and cert-manager from stdin (a JSON list). Writes a sentence for each fault to stdout (also a
// JSON list). The schemas find missing fields and wrong types; TypeScript finds unknown fields.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import ts from "typescript";

const PACKAGES = { "keda.sh": "@kubernetes-models/keda", "cert-manager.io": "@kubernetes-models/cert-manager" };

const objects = JSON.parse(readFileSync(0, "utf8")).map((object) => {
  const [group, version] = object.apiVersion.split("/");
  return { object, kind: object.kind, module: `${PACKAGES[group]}/${group}/${version}/${object.kind}` };
});
const faults = [...(await missing()), ...unknown()];
console.log(JSON.stringify(faults));

async function missing() {
  const faults = [];
  for (const { object, kind, module } of objects) {
    try {
      new (await import(module))[kind](object).validate();
    } catch (error) {
      faults.push(`${kind} ${object.metadata.name}: ${error.message}`);
    }
  }
  return faults;
}

function unknown() {
  const sources = new Map(
    objects.map(({ object, kind, module }, index) => [
      resolve(`object${index}.ts`),
      `import type { I${kind} } from "${module}";\nexport const it: I${kind} = ${JSON.stringify(object)};\n`,
    ]),
  );
  const options = { noEmit: true, strict: true, skipLibCheck: true, module: ts.ModuleKind.ESNext };
  options.moduleResolution = ts.ModuleResolutionKind.Bundler;
  options.types = [];
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => sources.has(name) || fileExists(name);
  host.readFile = (name) => sources.get(name) ?? readFile(name);
  host.getSourceFile = (name, language) =>
    sources.has(name) ? ts.createSourceFile(name, sources.get(name), language) : getSourceFile(name, language);
  const program = ts.createProgram([...sources.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map((one) => {
    const text = ts.flattenDiagnosticMessageText(one.messageText, " ");
    const index = [...sources.keys()].indexOf(one.file?.fileName);
    return index < 0 ? text : `${objects[index].kind} ${objects[index].object.metadata.name}: ${text}`;
  });
}
