#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    ringside_agent::main()
}
