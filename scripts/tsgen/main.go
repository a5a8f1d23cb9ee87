package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"

	warrenv1 "warren/api/warren/v1"
)

const plugin = "web/app/node_modules/.bin/protoc-gen-es"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: tsgen FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "tsgen:", err)
		os.Exit(1)
	}
}

func generate(folder string) error {
	// What the pages speak; the rest is what machines say to each other.
	wanted := []protoreflect.FileDescriptor{
		warrenv1.File_warren_v1_audit_proto,
		warrenv1.File_warren_v1_care_proto,
		warrenv1.File_warren_v1_console_proto,
		warrenv1.File_warren_v1_controllers_proto,
		warrenv1.File_warren_v1_fault_proto,
		warrenv1.File_warren_v1_local_proto,
		warrenv1.File_warren_v1_meaning_proto,
		warrenv1.File_warren_v1_screen_proto,
	}
	req := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("target=ts,import_extension=none")}
	seen := map[string]bool{}
	for _, fd := range wanted {
		add(req, seen, fd)
	}
	in, err := proto.Marshal(req)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	cmd := exec.CommandContext(context.Background(), plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run %s: %w", plugin, err)
	}
	var res pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &res); err != nil {
		return fmt.Errorf("read what %s wrote: %w", plugin, err)
	}
	if res.GetError() != "" {
		return fmt.Errorf("%s: %s", plugin, res.GetError())
	}
	return write(folder, res.GetFile())
}

// add puts fd behind all that it needs.
func add(req *pluginpb.CodeGeneratorRequest, seen map[string]bool, fd protoreflect.FileDescriptor) {
	if seen[fd.Path()] {
		return
	}
	seen[fd.Path()] = true
	for i := range fd.Imports().Len() {
		add(req, seen, fd.Imports().Get(i).FileDescriptor)
	}
	req.ProtoFile = append(req.ProtoFile, protodesc.ToFileDescriptorProto(fd))
	req.FileToGenerate = append(req.FileToGenerate, fd.Path())
}

func write(folder string, files []*pluginpb.CodeGeneratorResponse_File) error {
	fresh := map[string]bool{}
	for _, f := range files {
		path := filepath.Join(folder, filepath.Base(f.GetName()))
		fresh[path] = true
		if old, err := os.ReadFile(path); err == nil && string(old) == f.GetContent() {
			continue
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	old, err := filepath.Glob(filepath.Join(folder, "*_pb.ts"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if fresh[path] {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
