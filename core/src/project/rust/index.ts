/** A project in Rust: libbpf-rs, compiled by libbpf-cargo. */
import type { LocalHeader } from '../localHeaders.ts';
import type { ProjectModel } from '../model.ts';
import type { ProjectFile } from '../files.ts';
import { vmlinuxRule } from '../make.ts';
import { crateName } from '../names.ts';
import { mainText } from './main.ts';
import { recordsText, RustTypes } from './records.ts';

export function rustFiles(model: ProjectModel, headers: readonly LocalHeader[]): ProjectFile[] {
  const types = new RustTypes(model);
  const records = recordsText(model, types);
  const hasRecords = /^pub /m.test(records);
  return [
    { path: 'src/main.rs', text: mainText(model, types, hasRecords) },
    ...(hasRecords ? [{ path: 'src/records.rs', text: records }] : []),
    { path: 'build.rs', text: buildText(model, headers) },
    { path: 'Cargo.toml', text: manifest(model) },
    { path: 'rustfmt.toml', text: '# Wide enough for expressions that read a field each.\nmax_width = 160\n' },
    { path: 'Makefile', text: makefile(model) },
  ];
}

function manifest(model: ProjectModel): string {
  const needsLibc = model.hooks.some((hook) => hook.kind === 'perf_event');
  return `[package]
name = "${crateName(model.name)}"
version = "0.1.0"
edition = "2021"

[[bin]]
name = "${model.name}"
path = "src/main.rs"

[dependencies]
anyhow = "1"
clap = { version = "4", features = ["derive"] }
ctrlc = { version = "3", features = ["termination"] }
libbpf-rs = "0.26"
${needsLibc ? 'perf-event-open-sys = "5"\n' : ''}
[build-dependencies]
libbpf-cargo = "0.26"
`;
}

function buildText(model: ProjectModel, headers: readonly LocalHeader[]): string {
  const watched = [
    `${model.name}.bpf.c`,
    ...headers.map((header) => header.name),
    ...(model.usesVmlinux ? ['vmlinux.h'] : []),
  ];
  const defines = model.defines.map((define) => `, ${JSON.stringify(define)}`).join('');
  return `//! Compiles the program in the kernel.
use libbpf_cargo::SkeletonBuilder;
use std::{env, path::PathBuf, process::Command};

fn main() {
    let object = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("${model.name}.bpf.o");
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".into());
    SkeletonBuilder::new()
        .source("${model.name}.bpf.c")
        .obj(&object)
        .clang(clang)
        .clang_args(["-I.", "-std=gnu17", "-mcpu=v3", "-idirafter", &machine_headers()${defines}])
        .build()
        .expect("${model.name}.bpf.c compiles");
    for file in ${JSON.stringify(watched).replaceAll(',', ', ')} {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-env-changed=CLANG");
}

/// Where <asm/types.h> is, which clang finds by itself for this machine's own target only.
fn machine_headers() -> String {
    let output = Command::new("cc").arg("-print-multiarch").output();
    let machine = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    format!("/usr/include/{}", machine.unwrap_or_default())
}
`;
}

function makefile(model: ProjectModel): string {
  const { name, usesVmlinux } = model;
  return `# make builds target/release/${name}; it is run as root.
BPFTOOL ?= bpftool
CARGO ?= cargo

all:${usesVmlinux ? ' vmlinux.h' : ''}
	$(CARGO) build --release
${usesVmlinux ? `\n${vmlinuxRule('vmlinux.h')}\n` : ''}
clean:
	$(CARGO) clean${usesVmlinux ? '\n\trm -f vmlinux.h' : ''}

.PHONY: all clean
.DELETE_ON_ERROR:
`;
}
