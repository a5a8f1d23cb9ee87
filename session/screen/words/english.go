package words

// english is a code's sentence; what follows "try: " is what to do.
func (c Code) english() string {
	const (
		x11     = "; try: a session on X11 there, or a virtual display"
		none    = "this machine has no display, and "
		exactly = "every pixel is sent as it is"
		more    = ", and every pixel of what moves would take more"
	)
	switch c {
	case SaidNo:
		return "the person at the device said no"
	case JustSaidNo:
		return "the person at the device has just said no; try again in two minutes"
	case NoAnswer:
		return "nobody at the device answered"
	case AskedAlready:
		return "the person at the device is being asked already; try again in a moment"
	case Typing:
		return "nobody at the device can be asked while somebody types there; try again in a moment"
	case Stopped:
		return "the person at the device stopped it"
	case NobodyToAsk:
		return "somebody at the device has to agree, and nobody can be asked on this display"
	case NotAsked:
		return "nobody at the device could be asked"
	case OnlyView:
		return "only looking is granted here, and the viewer sent input"
	case DisplayEnded:
		return "the display has ended"

	case Wayland:
		return "a Wayland session runs here, and Wayland cannot be looked at yet; try: log in there with an X11 (Xorg) session"
	case NoServer:
		return "no X server runs on this machine" + x11
	case NoDisplay:
		return "there is no display %s on this machine, nor any other" + x11
	case OtherDisplays:
		return "there is no display %s on this machine; try: %s"
	case DisplayRefused:
		return "%s; try: run the node as root, or as the user whose display it is"
	case Depth:
		return "the display has %s bits a pixel in an order that is not supported; try: 24 bits a pixel"
	case NoDamage:
		return "the X server has no %s extension, so nobody tells what is painted"
	case TooLarge:
		return "the display has %s by %s pixels, more than is supported"
	case NoSystem:
		return "the screens of this device's system cannot be looked at yet"
	case NoXvfb:
		return none + "Xvfb for a virtual one is not installed; try: apt install xvfb openbox, or dnf install xorg-x11-server-Xvfb openbox, there"
	case NoWindows:
		return none + "a window manager for a virtual one is not installed; try: apt install openbox, or dnf install openbox, there"
	case VirtualAsNode:
		return none + "a virtual one would run as %[1]s, like the node itself, which it was not told to do; try: warren up --desktop-user %[1]s, there"
	case VirtualAsWhom:
		return none + "its node runs as root and was not told as whom a virtual one may run; try: warren up --desktop-user NAME, there"
	case VirtualNoUser:
		return "the user %s, as whom virtual displays run, is not on this machine; try: warren up --desktop-user NAME, there"
	case VirtualRoot:
		return "virtual displays do not run as root; try: warren up --desktop-user NAME with another user, there"
	case VirtualFailed:
		return "the virtual display did not start: %s"
	case VirtualOnLinux:
		return "virtual displays are made on Linux only"

	case NoInput:
		return "keyboard and pointer cannot be used: the X server has no %s extension"
	case NoResize:
		return "the display cannot be fitted to the viewer: its server has no RandR"
	case FixedSize:
		return "the display's server cannot change its size"
	case RefusedSize:
		return "the display's server refuses the size"
	case SeveralMonitors:
		return "the display has several monitors, and their sizes stay"
	case RealMonitor:
		return "the display is shown on a monitor (%s), whose size stays"
	case ViewKeepsSize:
		return "the display keeps its size: only looking is granted here"
	case NoMonitor:
		return "there is no monitor %s; all are shown"
	case NoCopyIn:
		return "the policy lets nothing be copied to this device"
	case CopyTooLarge:
		return "what was copied here is larger than %s MiB and was not taken to the device"
	case TooManyCopies:
		return "more than %s copies in a minute; try again in a moment"
	case CopyStaysThere:
		return "what was copied on the device is larger than %s MiB and stays there"
	case LetGoOfKey:
		return "the connection was interrupted, so the device let go of the key that you held; press it again"
	case LetGoOfButton:
		return "the connection was interrupted, so the device let go of the mouse button that you held; press it again, and take a drag anew"
	case NoSpecial:
		return "%q is no combination of keys"
	case SlowPictures:
		return "pictures are taken slowly: the X server cannot reach this node's memory"
	case Other:
		return "%s"

	case Exact:
		return exactly
	case ExactAsked:
		return exactly + ", as was asked for"
	case VideoAsked:
		return "video was asked for"
	case Allowed:
		return "%s Mbit/s are allowed" + more
	case Carries:
		return "the link carries %s Mbit/s" + more
	case FallsBehind:
		return "the link does not carry every pixel of what moves"
	case Took:
		return "every pixel of what moves took %s Mbit/s in the last second"
	case FewerPixels:
		return "it has %s%% of its width and height, as more would take the device too long"
	case NoCodecs:
		return exactly + ": this build of warren carries no video codecs"
	case VideoFailed:
		return exactly + ": %s"
	}
	return string(c)
}
