namespace MlNetCifar.Reporting;

/// <summary>The script of the report: theme, sorting, read-out, copying. Everything can be read without it.</summary>
internal static class ReportScript
{
    public static string JavaScript => """
        (function () {
          'use strict';
          var root = document.documentElement;
          function all(selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); }
          all('button[hidden]').forEach(function (button) { button.hidden = false; });

          document.getElementById('theme').addEventListener('click', function () {
            var now = root.dataset.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
            root.dataset.theme = now === 'dark' ? 'light' : 'dark';
          });

          all('[data-copy]').forEach(function (button) {
            button.addEventListener('click', function () {
              var text = document.getElementById(button.dataset.copy).textContent;
              if (!navigator.clipboard) return;
              navigator.clipboard.writeText(text).then(function () {
                button.textContent = 'Copied';
                setTimeout(function () { button.textContent = 'Copy'; }, 1500);
              }, function () { });
            });
          });

          all('[data-cells]').forEach(function (button) {
            button.addEventListener('click', function () {
              document.getElementById('matrix').classList.toggle('show-rate', button.dataset.cells === 'rate');
              all('[data-cells]').forEach(function (other) { other.setAttribute('aria-pressed', String(other === button)); });
            });
          });

          var readout = document.getElementById('readout');
          if (readout) {
            var tell = function (event) {
              var cell = event.target.closest('.cell');
              if (cell) readout.textContent = cell.querySelector('title').textContent;
            };
            document.getElementById('matrix').addEventListener('mouseover', tell);
            document.getElementById('matrix').addEventListener('click', tell);
          }

          all('table.sortable').forEach(function (table) {
            var heads = all('th', table);
            heads.forEach(function (head, column) {
              head.tabIndex = 0;
              var sort = function () {
                var down = head.getAttribute('aria-sort') !== 'descending';
                if (column === 0) down = head.getAttribute('aria-sort') === 'ascending';
                heads.forEach(function (other) { other.removeAttribute('aria-sort'); });
                head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
                var body = table.tBodies[0];
                all('tr', body).map(function (row) { return { row: row, key: row.cells[column].dataset.v }; })
                  .sort(function (a, b) {
                    var x = Number(a.key), y = Number(b.key);
                    var order = isNaN(x) || isNaN(y) ? a.key.localeCompare(b.key) : x - y;
                    return down ? -order : order;
                  })
                  .forEach(function (item) { body.appendChild(item.row); });
              };
              head.addEventListener('click', sort);
              head.addEventListener('keydown', function (event) {
                if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); sort(); }
              });
            });
          });
        })();
        """;
}
