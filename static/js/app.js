/* The one entry of the pages: each module has one duty and finds its own elements by their data attributes. */
