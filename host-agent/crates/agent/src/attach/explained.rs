//! Kinds that nobody can attach for the user, with what to do instead.

use ringside_bpf::program::Program;

use super::{Made, Target};
use crate::failure::{Answer, Failure};

pub fn unknown(program: &Program<'_>) -> Failure {
    let message = format!(
        "Program {} in section {} is of type {}, which has no place to attach to that this version of Ringside knows.",
        program.name(),
        program.section(),
        program.type_name()
    );
    Failure::new("attach-unsupported", message)
        .hint("It can be verified, and run with `ringside test` where the kernel can.")
}

/// Members of struct_ops come alive with their map (see rpc/run.rs).
pub fn struct_ops_member(target: &Target<'_>) -> Answer<Made> {
    let name = target.program.name();
    Err(Failure::new("attach-unsupported", format!("No struct_ops map of this object has program {name} as a member."))
        .hint("Name it in a member of a struct_ops map (SEC(\".struct_ops.link\")); it is registered with the map."))
}

pub fn lwt(target: &Target<'_>) -> Answer<Made> {
    let name = target.program.name();
    let kind = target.program.type_name();
    let (message, hint) = match kind {
        "lwt_seg6local" => (
            format!(
                "Program {name} ({kind}) is the action of a segment routing (SRv6) route, and a route belongs to the host's configuration."
            ),
            format!(
                "Load and route it with iproute2: ip -6 route add PREFIX encap seg6local action End.BPF endpoint object FILE.o section {} dev IFACE",
                target.program.section()
            ),
        ),
        _ => {
            let direction = kind.trim_start_matches("lwt_");
            (
                format!(
                    "Program {name} ({kind}) runs for the packets of one route, and a route belongs to the host's configuration."
                ),
                format!(
                    "Load and route it with iproute2: ip route add PREFIX encap bpf {direction} object FILE.o section {} dev IFACE",
                    target.program.section()
                ),
            )
        }
    };
    Err(Failure::new("attach-unsupported", message).hint(hint))
}

pub fn action(target: &Target<'_>) -> Answer<Made> {
    let (name, section) = (target.program.name(), target.program.section());
    Err(Failure::new("attach-unsupported", format!("Program {name} (sched_act) is the action of another filter of traffic control, which only its owner can choose."))
        .hint(format!("Make it a classifier, which attaches by itself: SEC(\"tcx/ingress\"). Or add it to a filter with tc: tc filter add dev IFACE ingress matchall action bpf object-file FILE.o section {section}")))
}

pub fn lirc(target: &Target<'_>) -> Answer<Made> {
    let name = target.program.name();
    let devices = std::fs::read_dir("/dev").map(|entries| {
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("lirc")).collect::<Vec<_>>()
    });
    let found = match devices {
        Ok(devices) if !devices.is_empty() => format!("This host has {}.", devices.join(", ")),
        _ => "This host has no infrared receiver (/dev/lirc0).".to_owned(),
    };
    Err(Failure::new(
        "attach-unsupported",
        format!(
            "Program {name} (lirc_mode2) decodes the signals of an infrared receiver and stays with the device. {found}"
        ),
    )
    .hint("Load it with ir-keytable, which also sets the key map: ir-keytable -p FILE.o -s rc0"))
}
