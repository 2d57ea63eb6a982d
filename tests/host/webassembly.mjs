// webassembly - runs a case file on MicroPython's WebAssembly build, as run_case.py does elsewhere.
// SPDX-License-Identifier: MIT
//
//     node webassembly.mjs MICROPYTHON.mjs ROOT RUN_CASE.py FILE NAME...
//
// This MicroPython has no operating system below it: its files are those put into its memory here.
// $CASE_ASYNCIO: a folder with MicroPython's own asyncio, as this build's is one of JavaScript.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [program, root, runCase, file, ...names] = process.argv.slice(2);
const here = path.dirname(runCase);
const support = path.join(here, "support");
const folders = [path.join(root, "lib"), path.join(root, "tools"), here, support, "/lib"];
const HEAP = 16 << 20; // bytes at the start; it grows
const PYSTACK = 1 << 16; // words

const say = (line) => fs.writeSync(1, line + "\n");
const { loadMicroPython } = await import(pathToFileURL(program));
const mp = await loadMicroPython({ heapsize: HEAP, pystack: PYSTACK, stdout: say, stderr: say });

function put(source, target) {
    if (!fs.statSync(source).isDirectory()) {
        mp.FS.writeFile(target, fs.readFileSync(source));
        return;
    }
    mp.FS.mkdirTree(target);
    for (const name of fs.readdirSync(source)) {
        if (name !== "__pycache__") {
            put(path.join(source, name), path.join(target, name));
        }
    }
}

mp.FS.mkdirTree(here);
mp.FS.mkdirTree(path.dirname(file));
const tools = ["ugsim", "qsearch"].map((name) => path.join(root, "tools", name));
const update = path.join(root, "examples", "update"); // main.py of a board
for (const name of [folders[0], ...tools, update, support, runCase, file]) {
    if (fs.existsSync(name)) {
        put(name, name);
    }
}
mp.FS.mkdirTree("/lib");
// What every port with a network has, and this one lacks.
mp.FS.writeFile("/lib/os.py", `
from uos import *
from random import getrandbits

def urandom(n):
    return bytes([getrandbits(8) for _ in range(n)])
`);
if (process.env.CASE_ASYNCIO) {
    put(process.env.CASE_ASYNCIO, "/lib/asyncio");
}

// Without ".frozen": what stands there under the names of C modules is of Python, and other than
// on a board. JSON's texts are Python's, too.
const python = (code) => mp.runPython(code);
python(`
import sys
sys.path[:] = ${JSON.stringify(folders)}
import os
os.chdir(${JSON.stringify(root)})
import run_case
run_case.MARK = ${JSON.stringify(process.env.CASE_MARK || "@@")}
`);
// Garbage is collected only where no Python runs, thus between two of these calls.
const value = (code) => {
    python("value = " + code);
    return mp.globals.get("value");
};
python(`module = run_case.begin(${JSON.stringify(file)})`);
if (!value("module is not None")) {
    process.exit(1);
}
let failed = 0;
for (const name of names) {
    failed |= value(`run_case.run(module, ${JSON.stringify(name)})`) !== "pass";
}
python('run_case.say("end")');
process.exit(failed);
