// kindnetd connects the pods of a plain IPv4 kind cluster, in the place of kind's program of the same name.
//
// On every node, every two seconds, it makes true that
//   - the node's CNI configuration hands out addresses of the node's own pod range (ptp and host-local);
//   - there is a route to every other node's pod range over that node's address;
//   - what leaves the pod network is masqueraded behind the node's address.
//
// It does no IPv6 and no NetworkPolicy.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/vishvananda/netlink"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	lookEvery   = 2 * time.Second
	lookTimeout = 10 * time.Second
	cniFile     = "/etc/cni/net.d/10-kindnet.conflist"
	cniTemplate = `{
  "cniVersion": "0.3.1",
  "name": "kindnet",
  "plugins": [
    {
      "type": "ptp", "ipMasq": false, "mtu": 1500,
      "ipam": {
        "type": "host-local", "dataDir": "/run/cni-ipam-state",
        "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": %q}]]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`
)

// environment is what kind's manifest hands to its network daemon.
type environment struct {
	nodeAddress  string // HOST_IP
	podNetwork   string // POD_SUBNET
	controlPlane string // CONTROL_PLANE_ENDPOINT, reachable before kube-proxy has run
}

func main() {
	here := environment{os.Getenv("HOST_IP"), os.Getenv("POD_SUBNET"), os.Getenv("CONTROL_PLANE_ENDPOINT")}
	client, err := connect(here)
	if err != nil {
		log.Fatalf("kindnetd: no client to the API server: %v", err)
	}
	for {
		if err := look(client, here); err != nil {
			log.Printf("kindnetd: %v; again in %s", err, lookEvery)
		}
		time.Sleep(lookEvery)
	}
}

func connect(here environment) (kubernetes.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	if here.controlPlane != "" {
		config.Host = "https://" + here.controlPlane
	}
	return kubernetes.NewForConfig(config)
}

func look(client kubernetes.Interface, here environment) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	nodes, err := client.CoreV1().Nodes().List(ctx, meta.ListOptions{})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	var problems []error
	for _, node := range nodes.Items {
		switch address, pods := internalIPv4(node), node.Spec.PodCIDR; {
		case address == "" || pods == "": // not registered in full yet
		case address == here.nodeAddress:
			problems = append(problems, writeCNI(pods), masquerade(pods, here.podNetwork))
		default:
			problems = append(problems, routeTo(pods, address))
		}
	}
	return errors.Join(problems...)
}

func internalIPv4(node core.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == core.NodeInternalIP && net.ParseIP(address.Address).To4() != nil {
			return address.Address
		}
	}
	return ""
}

// writeCNI renames a complete file into place: the container runtime reads the folder at any moment.
func writeCNI(pods string) error {
	want := fmt.Appendf(nil, cniTemplate, pods)
	if have, err := os.ReadFile(cniFile); err == nil && bytes.Equal(have, want) {
		return nil
	}
	if err := os.WriteFile(cniFile+".new", want, 0o644); err != nil {
		return err
	}
	if err := os.Rename(cniFile+".new", cniFile); err != nil {
		return err
	}
	log.Printf("kindnetd: pods of this node get addresses of %s", pods)
	return nil
}

func masquerade(pods, podNetwork string) error {
	rule := []string{
		"POSTROUTING", "-s", pods, "!", "-d", podNetwork, "-m", "addrtype", "!", "--dst-type", "LOCAL", "-j", "MASQUERADE",
	}
	if iptables("-C", rule) == nil {
		return nil
	}
	return iptables("-A", rule)
}

func iptables(action string, rule []string) error {
	arguments := append([]string{"-w", "-t", "nat", action}, rule...)
	if output, err := exec.Command("iptables", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("iptables %v: %w: %s", arguments, err, output)
	}
	return nil
}

func routeTo(pods, address string) error {
	_, network, err := net.ParseCIDR(pods)
	if err != nil {
		return err
	}
	if err := netlink.RouteReplace(&netlink.Route{Dst: network, Gw: net.ParseIP(address)}); err != nil {
		return fmt.Errorf("route %s via %s: %w", pods, address, err)
	}
	return nil
}
