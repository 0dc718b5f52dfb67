//go:build tools

// Package tools is containerd, in a module of its own: 2.3 does not compile against the CRI of Kubernetes 1.37.
package tools

import (
	_ "github.com/containerd/containerd/v2/cmd/containerd"
	_ "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"
	_ "github.com/containerd/containerd/v2/cmd/ctr"
)
