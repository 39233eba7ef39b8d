#include "tests/process/net_lab/side.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

namespace net_lab {
namespace {

using lastcall::net::unique_fd;

constexpr const char* device = "lab0";
constexpr int queued_frames = 16'384;  // in the kernel, until they are fetched; the default of 1,000 is half a burst

template <class T> T must(T outcome, const char* step) {
  if (outcome < 0) throw std::system_error(errno, std::generic_category(), step);
  return outcome;
}

ifreq request_for(const char* name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  return request;
}

sockaddr inet(const char* text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, text, &address.sin_addr);
  sockaddr generic{};
  std::memcpy(&generic, &address, sizeof generic);
  return generic;
}

sockaddr mac(unsigned char last) {
  const unsigned char bytes[6] = {0x02, 0x00, 0x0a, 0x4d, 0x00, last};
  sockaddr address{};
  address.sa_family = ARPHRD_ETHER;
  std::memcpy(address.sa_data, bytes, sizeof bytes);
  return address;
}

void bring_up(int control, const char* name) {
  ifreq request = request_for(name);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  must(::ioctl(control, SIOCSIFFLAGS, &request), "bring the device up");
}

// Settings of the calling thread's namespace. One that this kernel lacks is one that cannot be in the way.
void set(const char* name, const char* value) { std::ofstream("/proc/sys/net/" + std::string(name)) << value; }

void configure(int control, const side_address& address) {
  bring_up(control, "lo");

  ifreq request = request_for(device);
  request.ifr_hwaddr = mac(address.own_mac);
  must(::ioctl(control, SIOCSIFHWADDR, &request), "set the MAC address");
  request = request_for(device);
  request.ifr_qlen = queued_frames;
  must(::ioctl(control, SIOCSIFTXQLEN, &request), "set the queue length");
  request = request_for(device);
  request.ifr_addr = inet(address.own);
  must(::ioctl(control, SIOCSIFADDR, &request), "set the address");
  request.ifr_netmask = inet("255.255.255.0");
  must(::ioctl(control, SIOCSIFNETMASK, &request), "set the network mask");
  bring_up(control, device);

  arpreq neighbour{};
  neighbour.arp_pa = inet(address.remote);
  neighbour.arp_ha = mac(address.remote_mac);
  neighbour.arp_flags = ATF_COM | ATF_PERM;
  std::strncpy(neighbour.arp_dev, device, sizeof neighbour.arp_dev - 1);
  must(::ioctl(control, SIOCSARP, &neighbour), "set the neighbour");

  // One client address opens thousands of connections a second, each of which keeps its port for a minute afterwards.
  set("ipv4/ip_local_port_range", "10000 65535");
  set("ipv4/tcp_tw_reuse", "1");
}

}  // namespace

side::side(const side_address& address) {
  must(::unshare(CLONE_NEWNET), "make a network namespace (needs CAP_SYS_ADMIN)");
  namespace_ = unique_fd(must(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open the network namespace"));
  set("ipv6/conf/default/disable_ipv6", "1");  // no router solicitations between what is measured
  tap_ = unique_fd(must(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "open /dev/net/tun"));
  ifreq request = request_for(device);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  must(::ioctl(tap_.get(), TUNSETIFF, &request), "make a TAP device");
  const unique_fd control(must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open a socket"));
  configure(control.get(), address);
}

void side::enter() const { must(::setns(namespace_.get(), CLONE_NEWNET), "enter the network namespace"); }

std::uint64_t side::counter(std::string_view group, std::string_view name) const {
  enter();
  for (const char* file : {"/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"}) {
    std::ifstream lines(file);
    // Each group is two lines: names, then numbers, both after "Group:".
    for (std::string names, numbers; std::getline(lines, names) && std::getline(lines, numbers);) {
      std::istringstream name_words(names);
      std::istringstream number_words(numbers);
      std::string word;
      std::string number;
      name_words >> word;
      number_words >> number;
      if (word != std::string(group) + ":") continue;
      while (name_words >> word && number_words >> number) {
        if (word == name) return std::stoull(number);
      }
    }
  }
  return 0;
}

std::uint64_t side::dropped() const {
  enter();
  std::ifstream lines("/proc/thread-self/net/dev");
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || line.find(device) > colon) continue;
    std::istringstream words(line.substr(colon + 1));
    // Eight receive columns, then transmitted: bytes, packets, errors, dropped.
    std::uint64_t value = 0;
    std::uint64_t received_drops = 0;
    for (int column = 1; column <= 12; ++column) {
      words >> value;
      if (column == 4) received_drops = value;
    }
    return received_drops + value;
  }
  return 0;
}

}  // namespace net_lab
