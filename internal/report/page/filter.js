(function () {
	"use strict";
	function filtered(list) {
		var bar = list.querySelector(".filter"), details = list.querySelector("details");
		var input = bar.querySelector("input"), status = bar.querySelector("output");
		var folders = Array.prototype.map.call(list.querySelector("table").tBodies, function (body) {
			var rows = Array.prototype.slice.call(body.rows);
			var name = rows[0].cells[0].textContent.toLowerCase();
			return { body: body, rows: rows.slice(1).map(function (row) {
				return { row: row, text: name + " " + row.textContent.toLowerCase() };
			}) };
		});
		function filter() {
			var words = input.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0, all = 0;
			folders.forEach(function (folder) {
				var some = false;
				folder.rows.forEach(function (r) {
					var is = words.every(function (w) { return r.text.indexOf(w) >= 0; });
					r.row.hidden = !is;
					some = some || is;
					shown += is ? 1 : 0;
					all++;
				});
				folder.body.hidden = !some;
			});
			status.textContent = words.length ? shown + " of " + all : "";
			if (words.length) { details.open = true; }
		}
		input.addEventListener("input", filter);
		list.parentNode.addEventListener("click", function (e) {
			var link = e.target.closest && e.target.closest("a[href^='#f']");
			if (link) { input.value = ""; filter(); details.open = true; }
		});
		bar.hidden = false;
	}
	Array.prototype.forEach.call(document.querySelectorAll(".list"), filtered);
})();
