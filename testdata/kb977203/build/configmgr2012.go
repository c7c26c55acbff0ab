package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hotfixkit/hotfixkit/internal/zip/ziptest"
	"github.com/hotfixkit/hotfixkit/manifest"
)

// A stand-in for a hotfix bundle of ConfigMgr 2012: the folders are those that
// Microsoft's "Use the Hotfix Installer" names, the number and all content are made
// up. That a bundle comes as a zip is our assumption.
const (
	bundleKB   = "KB9000012"
	bundleName = "9000012_ENU_x64.zip"
	bundleSize = 262_144 // bytes of each patch
)

// bundleAt is the time of the patches in the bundle.
var bundleAt = time.Date(2013, time.April, 25, 6, 28, 0, 0, time.UTC)

// write2012 builds the bundle and its file list.
func write2012(dir string) error {
	list := []string{"File name\tFile version\tFile size\tDate\tTime\tPlatform"}
	var members []ziptest.Member
	for _, of := range []struct{ folder, name string }{
		{"AdminConsole/i386", "configmgr2012adminui-sp1-kb9000012-i386.msp"},
		{"Client/i386", "configmgr2012ac-sp1-kb9000012-i386.msp"},
		{"Client/x64", "configmgr2012ac-sp1-kb9000012-x64.msp"},
	} {
		size := int64(130_408)
		sp := &servicePack{name: "2012" + filepath.Base(of.folder), kb: bundleKB, clientVersion: "5.00.7804.1000", fixVersion: "5.0.7804.1202", rows: []manifest.Row{
			{Name: "Ccmgencert.dll", Platform: "x86", Version: "5.0.7804.1202", Size: &size, Date: "2013-04-25", Time: "06:28"},
		}}
		client, err := sp.client()
		if err != nil {
			return err
		}
		patch, err := client.patch(bundleSize)
		if err != nil {
			return err
		}
		members = append(members, ziptest.Member{Name: "Hotfix/" + bundleKB + "/" + of.folder + "/" + of.name, Content: patch, Modified: bundleAt})
		list = append(list, fmt.Sprintf("%s\tNot applicable\t%d\t25-Apr-2013\t06:28\tNot applicable", of.name, bundleSize))
	}
	archive, err := ziptest.Build("", members...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, bundleName), archive, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, bundleKB+"_FileList.txt"), []byte(strings.Join(list, "\r\n")+"\r\n"), 0o644)
}
