"""Which internet addresses a download may connect to, and the addresses of a name."""

import ipaddress
import socket

# Explicit, because `ipaddress.is_global` has changed its mind between Python's patch releases.
FORBIDDEN_V4 = [
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv4Network("10.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),  # carrier-grade NAT
    ipaddress.IPv4Network("127.0.0.0/8"),
    ipaddress.IPv4Network("169.254.0.0/16"),  # link-local, where clouds keep their metadata
    ipaddress.IPv4Network("172.16.0.0/12"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.0.2.0/24"),  # documentation
    ipaddress.IPv4Network("192.88.99.0/24"),  # 6to4 relays
    ipaddress.IPv4Network("192.168.0.0/16"),
    ipaddress.IPv4Network("198.18.0.0/15"),  # benchmarks
    ipaddress.IPv4Network("198.51.100.0/24"),  # documentation
    ipaddress.IPv4Network("203.0.113.0/24"),  # documentation
    ipaddress.IPv4Network("224.0.0.0/4"),  # multicast
    ipaddress.IPv4Network("240.0.0.0/4"),
]
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # leaves out mapped, NAT64, unique local, link-local, multicast
FORBIDDEN_V6 = [
    ipaddress.IPv6Network("2001::/23"),  # Teredo and other assignments
    ipaddress.IPv6Network("2001:db8::/32"),  # documentation
    ipaddress.IPv6Network("2002::/16"),  # 6to4
    ipaddress.IPv6Network("3fff::/20"),  # documentation
]


def is_public(address: str) -> bool:
    """Whether this is a public internet address: global unicast, and not a tunnel to another network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in FORBIDDEN_V4)
    return parsed.scope_id is None and parsed in GLOBAL_V6 and not any(parsed in network for network in FORBIDDEN_V6)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's order of preference. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
