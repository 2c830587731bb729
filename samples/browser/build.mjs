// Makes one page of index.html and onnxruntime-web, which needs no server and no network: npm install --ignore-scripts && node build.mjs [MODEL.onnx] → dist/classify.html
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const here = new URL("./", import.meta.url);
const base64 = (path) => readFileSync(path).toString("base64");
const dist = new URL("node_modules/onnxruntime-web/dist/", here);
const parts = {
  library: base64(new URL("ort.wasm.bundle.min.mjs", dist)),
  wasm: base64(new URL("ort-wasm-simd-threaded.wasm", dist)),
  model: process.argv[2] ? base64(process.argv[2]) : "",
};
const scripts = Object.entries(parts).map(([id, text]) => `<script type="text/plain" id="${id}">${text}</script>`).join("\n");
mkdirSync(new URL("dist/", here), { recursive: true });
const page = readFileSync(new URL("index.html", here), "utf8").replace("<!-- parts -->", () => scripts);
const target = process.argv[3] ?? new URL("dist/classify.html", here);
writeFileSync(target, page);
console.log(`${target}: ${(page.length / 2 ** 20).toFixed(1)} MiB`);
