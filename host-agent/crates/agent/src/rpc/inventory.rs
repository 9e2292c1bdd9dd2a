//! ListPrograms, ListMaps, ListLinks, ListBtfs, ListNetAttachments: everything on the host, whoever made it.

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;

pub fn programs(_context: &Context<'_>, _request: &pb::ListPrograms) -> Answer<pb::ProgramList> {
    Err(Failure::new("protocol", "Not there yet."))
}

pub fn maps(_context: &Context<'_>, _request: &pb::ListMaps) -> Answer<pb::MapList> {
    Err(Failure::new("protocol", "Not there yet."))
}

pub fn links(_context: &Context<'_>, _request: &pb::ListLinks) -> Answer<pb::LinkList> {
    Err(Failure::new("protocol", "Not there yet."))
}

pub fn btfs(_context: &Context<'_>) -> Answer<pb::BtfList> {
    Err(Failure::new("protocol", "Not there yet."))
}

pub fn net(_context: &Context<'_>) -> Answer<pb::NetAttachmentList> {
    Err(Failure::new("protocol", "Not there yet."))
}
