//! Networks that the operator closes to every component: `block_networks` of the runtime config.
//!
//! `private` stands for every address that the open internet does not route; anything else is an
//! address or a CIDR block. The check is made on the addresses that a name resolved to, just before
//! connecting to them, so a name cannot be pointed elsewhere in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use anyhow::{Context as _, Error, Result, ensure};

/// A set of networks.
#[derive(Clone, Debug, Default)]
pub struct Blocked(Vec<Network>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// Every address that is not globally reachable.
    Private,
    /// The addresses that begin like this one, for so many bits.
    Block(IpAddr, u32),
}

impl Blocked {
    /// The union of `networks`.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether `address` is in one of them; an IPv4 address inside an IPv6 one counts as itself too.
    pub fn contains(&self, address: IpAddr) -> bool {
        let embedded = match address {
            IpAddr::V6(address) => embedded_v4(address).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        [Some(address), embedded]
            .into_iter()
            .flatten()
            .any(|address| self.0.iter().any(|n| n.contains(address)))
    }
}

impl Network {
    /// Whether `address` is in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Private, IpAddr::V4(address)) => !is_global_v4(address),
            (Self::Private, IpAddr::V6(address)) => !is_global_v6(address),
            (Self::Block(IpAddr::V4(network), bits), IpAddr::V4(address)) => {
                let shift = 32 - bits;
                u32::from(*network).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (Self::Block(IpAddr::V6(network), bits), IpAddr::V6(address)) => {
                let shift = 128 - bits;
                u128::from(*network).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            (Self::Block(..), _) => false,
        }
    }
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "private" {
            return Ok(Self::Private);
        }
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let unclear = || format!("{text:?} is neither \"private\" nor an address nor a CIDR block");
        let address: IpAddr = address.parse().with_context(unclear)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), str::parse).with_context(unclear)?;
        ensure!(bits <= longest, unclear());
        Ok(Self::Block(address, bits))
    }
}

fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // NAT64 (RFC 6052), 6to4 (RFC 3056), then the mapped and the compatible form.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address.to_ipv4(),
    }
}

/// The IANA special-purpose registry, as far as it is not globally reachable.
fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || a == 100 && (64..128).contains(&b)
        || address.is_loopback()
        || address.is_link_local()
        || (a, b, c) == (192, 0, 0)
        || address.is_documentation()
        || a == 198 && (18..20).contains(&b)
        || a >= 224)
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is handed out; of it, 2001::/23 is for protocols and 2001:db8::/32 for documents.
    let [first, second, ..] = address.segments();
    let documentation = first == 0x2001 && second == 0xdb8;
    let protocols = first == 0x2001 && second < 0x200;
    first & 0xe000 == 0x2000 && !documentation && !protocols
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(networks: &[&str], address: &str) -> bool {
        Blocked::new(networks.iter().map(|n| n.parse().unwrap()).collect()).contains(address.parse().unwrap())
    }

    #[test]
    fn private_addresses_are_known() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
        ] {
            assert!(blocked(&["private"], address), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            let expected = address.starts_with("64:");
            assert_eq!(blocked(&["private"], address), expected, "{address}");
        }
    }

    #[test]
    fn blocks_are_matched_by_their_bits() {
        assert!(blocked(&["1.1.0.0/16"], "1.1.255.1"));
        assert!(!blocked(&["1.1.0.0/16"], "1.2.0.1"));
        assert!(blocked(&["1.1.1.1"], "::ffff:1.1.1.1"));
        assert!(blocked(&["2600::/16"], "2600:1::"));
        assert!(blocked(&["0.0.0.0/0"], "9.9.9.9"));
        assert!(!blocked(&[], "127.0.0.1"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "x", "1.1.1.1/33", "1.1.1.1/", "::/129", "public"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
