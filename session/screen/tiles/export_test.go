package tiles

// Unknown is the fourth byte of a pixel that the viewer may have otherwise.
const Unknown = unknown
